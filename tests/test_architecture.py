"""The house: imports run downward only, heavy packages stay in their rooms, rooms stay small.

`LEVELS` is the map. A new file at the top of `shareviz/` is added to one level; a file inside a folder
takes the folder's level.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent

# From the ground up. A module imports from its own level and from those before it, never from a later one,
# not even inside a function.
LEVELS = {
    # what everything passes through: plain frozen values, standard library only
    "data": "snapshot once collector rewrites plan forms hashing errors options text plugins",
    # what follows from a Snapshot
    "facts": """
        geometry relations paths sharing sets roles layers headline useforms tree strategies assumptions
        capacity planned kv ledger baseline offers firsts turns shared effects guide sweep compare copies
        checks lock
    """,
    # where Snapshots and modules come from; files are read without torch
    "sources": """
        sources values design tabletext tablemap strokes painting history published formats
        jsonio lessons starts clone parametrized capture trace realize survival nets
        kinds layertable rowshares layerdraft drawing models training
    """,
    # what a page shows and says: maps, DOT, SVG, charts, tables, reports
    "pictures": "weavings modulecode savings ways mapview graphs charts takeaway report",
    # the public names, the command line, assertions for tests of other projects
    "doors": "__init__ __main__ cli commands explore testing",
    # what pages share, and the pages
    "ui": "ui",
    "pages": "pages app",
}

# Only these may import torch at module level (a folder stands for what is in it). The rest can be imported
# without it: the first page, and every command on a file.
TORCH = """
    clone parametrized capture trace realize survival nets
    training.engine training.worker
    starts._alike starts._checkpoint starts._fitted starts._making starts._ranks starts._weights
"""

HEAVY = ("torch", "streamlit", "altair", "pandas")

LEVEL_OF = {room: level for level, names in enumerate(LEVELS.values()) for room in names.split()}


def files() -> list[Path]:
    """Return every Python file of the product."""
    found = [*(ROOT / "shareviz").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), *ROOT.glob("app.py")]
    return sorted(found)


def dotted(path: Path) -> str:
    """Return the module's name below shareviz: text, formats._zip, __init__; pages and app as they are."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "shareviz" else parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path, *, everywhere: bool) -> Iterator[str]:
    """Yield what a file imports, as dotted names; with `everywhere` also inside functions."""
    for node in ast.walk(tree(path)) if everywhere else _run_at_import(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(path, node)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when the module is imported: no function bodies, no `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _run_at_import(child)


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    package = path.relative_to(ROOT).parent.parts
    outer = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join((*outer, *filter(None, [node.module])))


def rooms_used(path: Path) -> Iterator[str]:
    """Yield the room of each import from shareviz; the package's own names count as `__init__`."""
    for name in imports(path, everywhere=True):
        package, *rest = name.split(".")
        if package in ("pages", "app"):
            yield package
        elif package == "shareviz" and rest != ["__version__"]:  # a literal, which every level may state
            known = rest and (ROOT / "shareviz" / rest[0]).with_suffix(".py").exists()
            yield rest[0] if rest and (known or (ROOT / "shareviz" / rest[0]).is_dir()) else "__init__"


def may_load_torch(name: str) -> bool:
    """Say whether a module stands in `TORCH`, by its own name or its folder's."""
    return any(name == room or name.startswith(f"{room}.") for room in TORCH.split())


def room(path: Path) -> str:
    """Return the name that stands in `LEVELS` for a file."""
    return dotted(path).split(".")[0]


def packages(path: Path, *, everywhere: bool) -> set[str]:
    """Return the top-level packages that a file imports."""
    return {name.split(".")[0] for name in imports(path, everywhere=everywhere)}


def test_every_room_stands_on_a_level() -> None:
    homeless = {room(path) for path in files()} - set(LEVEL_OF)
    assert not homeless, "add the new room to LEVELS in tests/test_architecture.py"
    assert not set(LEVEL_OF) - {room(path) for path in files()}, "take what is gone out of LEVELS"


def test_imports_run_downward_only() -> None:
    climbing = [
        f"{dotted(path)} imports {used}"
        for path in files()
        for used in rooms_used(path)
        if LEVEL_OF.get(used, 0) > LEVEL_OF.get(room(path), 0)
    ]
    assert not climbing


def test_the_data_needs_the_standard_library_only() -> None:
    allowed = sys.stdlib_module_names | {"shareviz"}
    data = [path for path in files() if room(path) in LEVELS["data"].split()]
    assert data
    assert not {dotted(path): more for path in data if (more := packages(path, everywhere=True) - allowed)}


def test_only_the_ui_and_the_pages_import_streamlit() -> None:
    others = [path for path in files() if room(path) not in ("ui", "pages", "app")]
    assert not [dotted(path) for path in others if "streamlit" in packages(path, everywhere=True)]


def test_torch_is_imported_at_module_level_only_where_it_may() -> None:
    others = [path for path in files() if not may_load_torch(dotted(path))]
    heavy = {"torch", "torchinfo", "transformers"}
    assert not [dotted(path) for path in others if packages(path, everywhere=False) & heavy]


def test_facts_and_pictures_know_nothing_of_torch() -> None:
    torchless = [path for path in files() if room(path) in f"{LEVELS['facts']} {LEVELS['pictures']}".split()]
    assert not [dotted(path) for path in torchless if "torch" in packages(path, everywhere=True)]


def test_files_and_functions_stay_small() -> None:
    large = [dotted(path) for path in files() if len(path.read_text("utf-8").splitlines()) > 400]
    long = [
        f"{dotted(path)}.{node.name}"
        for path in files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno + 1 > 60
    ]
    assert not large + long


def loaded_after(*names: str) -> set[str]:
    """Return which heavy packages a fresh interpreter holds after importing the modules."""
    code = f"import importlib, json, sys; [importlib.import_module(name) for name in {names!r}]"
    code += f"; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert not answer.returncode, answer.stderr
    return set(json.loads(answer.stdout))


def below(*levels: str) -> tuple[str, ...]:
    """Return the importable names of the modules on these levels that do not need torch."""
    rooms = {room for level in levels for room in LEVELS[level].split()} - {"__init__", "__main__"}
    names = (dotted(path) for path in files() if room(path) in rooms)
    return tuple(f"shareviz.{name}" for name in names if not may_load_torch(name))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("shareviz") == set()


def test_data_and_facts_load_nothing_heavy() -> None:
    assert loaded_after(*below("data", "facts")) == set()


def test_sources_pictures_and_the_command_load_no_torch() -> None:
    loaded = loaded_after(*below("sources", "pictures", "doors"))
    assert loaded.isdisjoint({"torch", "streamlit"})


def test_every_module_can_be_the_first_to_be_imported() -> None:
    """Two rooms that need each other work only in one order: a script may choose the other."""
    names = [dotted(path) for path in files() if path.parts[-2] not in ("pages",) and path.name != "app.py"]
    tops = [f"shareviz.{name}" for name in names if "." not in name and name not in ("__init__", "__main__")]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [m for m in sys.modules if m.partition('.')[0] == 'shareviz']:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *tops], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
