"""A model built layer by layer as a Python file of its own: torch alone, its sharing written as code."""

from __future__ import annotations

import ast
import functools
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shareviz import __version__
from shareviz.errors import OptionError
from shareviz.kinds import Shape
from shareviz.layertable import Flow, Row
from shareviz.models import canonical, settled
from shareviz.models.layers import calls, flow_of
from shareviz.snapshot import Snapshot
from shareviz.text import clean
from shareviz.weavings import Weave, weaves

NETS = Path(__file__).parent / "nets"
FILES = ("blocks", "layered")  # where the classes of a table stand
WIDTH = 100
INSTEAD = "Take the plan as Python: Savings, Export, Code (Python)."


def module_code(text: str, after: Snapshot, *, design: str = "") -> str:
    """Return a program that defines `Layers`, the model of a table of layers under its sharing.

    Args:
        text: The model, as `layers?rows=…`.
        after: The same under a plan that ties whole weights; the ties are read off it.
        design: What the header calls the plan.

    Raises:
        OptionError: Another family, or a plan that makes weights of pieces or freezes some.
    """
    name, values = settled(text)
    if name != "layers":
        raise OptionError(
            f"{clean(name, 40)} is not built layer by layer, so it has no program of its own.",
            hint=f"{INSTEAD} It works on your own module.",
        )
    _refuse(after)
    table, ties = flow_of(values), weaves(after)
    body = _class(table, ties)
    parts = [_header(canonical(text), design), *_needed(body)]
    return "\n\n\n".join([*parts, body, _main(table)]) + "\n"


def writable(after: Snapshot) -> bool:
    """Whether the sharing of a model is ties alone, which code can say without shareviz."""
    return not after.derived and all(slot.trainable is not False for slot in after.parameters())


def _refuse(after: Snapshot) -> None:
    if not writable(after):
        made = [f"makes {clean(weight.name, 60)} of pieces" for weight in after.derived[:1]]
        raise OptionError(
            f"This plan {(made or ['freezes weights'])[0]}; only ties are written out.", hint=INSTEAD
        )


def _header(text: str, design: str) -> str:
    said = f"catalogue:{text}"
    lines = ["A model built layer by layer, as plain torch.", ""]
    lines += textwrap.wrap(said, WIDTH, break_on_hyphens=False, break_long_words=False)
    lines += textwrap.wrap(f"Sharing: {design}", WIDTH, break_long_words=False) if design else []
    return '"""' + "\n".join([*lines, f"Written by shareviz {__version__}."]) + '\n"""'


def _class(table: Flow, ties: Iterable[Weave]) -> str:
    made = [_made(table, name, row, call) for name, row, _, call in calls(table)]
    init = ["super().__init__()", *made]
    for tie in ties:
        init += [f"# {tie.about}", *_tied(tie)]
    run = [line for name, row, shape in _rows(table) for line in _run(name, row, shape)]
    lines = ["class Layers(nn.Module):", f'    """{table.given} come in, {table.shapes[-1]} go out."""', ""]
    lines += ["    def __init__(self) -> None:", *(textwrap.indent(line, " " * 8) for line in init), ""]
    lines += [f"    def forward(self, x: Tensor) -> Tensor:  # {table.given}"]
    return "\n".join([*lines, *(f"        {line}" for line in run), "        return x"])


def _made(table: Flow, name: str, row: Row, call: object) -> str:
    if row.repeats > 1:
        return f"self.{name} = nn.ModuleList({call} for _ in range({row.repeats}))"
    return f"self.{name} = {call}"


def _rows(table: Flow) -> Iterator[tuple[str, Row, Shape]]:
    """Yield each row's name, the row, and the shape that leaves it."""
    yield from zip(table.names, table.rows, table.shapes, strict=True)


def _run(name: str, row: Row, shape: Shape) -> list[str]:
    if row.repeats > 1:
        return [f"for layer in self.{name}:", f"    x = layer(x)  # {shape}"]
    return [f"x = self.{name}(x)  # {shape}"]


def _tied(tie: Weave) -> list[str]:
    """Return the statements of one group of ties."""
    if tie.single:
        return [f"{_path(reader)} = {_path(owner)}" for reader, owner in tie.single]
    parts = "".join(f', "{part}"' for part in tie.parts)
    if tie.rows is None:
        return [f"share(self.{tie.reader}, self.{tie.owner}{parts})"]
    head = f"for layer, row in enumerate({tie.rows}):"
    if len(head) > WIDTH:
        rows = textwrap.wrap(", ".join(map(str, tie.rows)), WIDTH - 4)
        head = "\n".join(
            ["rows = (", *(f"    {line}" for line in rows), ")", "for layer, row in enumerate(rows):"]
        )
    share = f"    share(self.{tie.reader}[layer], self.{tie.owner}[row]{parts})"
    if len(share) > WIDTH:
        inside = [f"self.{tie.reader}[layer]", f"self.{tie.owner}[row]", *(f'"{part}"' for part in tie.parts)]
        share = "\n".join(["    share(", *(f"        {one}," for one in inside), "    )"])
    return [head, share]


def _path(name: str) -> str:
    """Return a name as Python writes it: blocks.3.ffn.up.weight → self.blocks[3].ffn.up.weight."""
    return "self" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split("."))


def _main(table: Flow) -> str:
    sizes = ", ".join(map(str, (2, *table.given.sizes)))
    dtype = ", dtype=torch.long" if table.given.tokens else ""
    return "\n".join(
        [
            'if __name__ == "__main__":',
            "    model = Layers()",
            f"    print(tuple(model(torch.zeros({sizes}{dtype})).shape))",
            '    print(f"{sum(weight.numel() for weight in model.parameters()):,} parameters stored")',
        ]
    )


@dataclass(frozen=True, slots=True)
class _Definition:
    """One top-level definition of a file: its text, and the names that it uses."""

    text: str
    uses: frozenset[str]


@functools.cache
def _definitions() -> Mapping[str, _Definition]:
    """Return the classes and functions of the files by name, in order."""
    found: dict[str, _Definition] = {}
    for file in FILES:
        source = (NETS / f"{file}.py").read_text(encoding="utf-8")
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
                found[node.name] = _Definition("\n".join(lines[first - 1 : node.end_lineno]), _names(node))
    return found


@functools.cache
def _imports() -> Mapping[str, str]:
    """Return the statement that imports each name from outside of this package."""
    found: dict[str, str] = {}
    for file in FILES:
        for node in ast.parse((NETS / f"{file}.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                for name in node.names:
                    said = f"import {name.name}" + (f" as {name.asname}" if name.asname else "")
                    found[name.asname or name.name] = said
            elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith(("shareviz", "__")):
                found |= {name.name: f"from {node.module} import {name.name}" for name in node.names}
    return found


def _needed(body: str) -> list[str]:
    """Return the imports and the definitions that a class needs, each once, in order."""
    known, wanted = _definitions(), set[str]()
    pending = list(_names(ast.parse(body)))
    used = {"torch", "nn", "Tensor", *pending}
    while pending:
        name = pending.pop()
        if name in known and name not in wanted:
            wanted.add(name)
            pending += known[name].uses
            used |= known[name].uses
    lines = _statements(used)
    standard = [line for line in lines if "torch" not in line]
    other = [line for line in lines if "torch" in line]
    blocks = ["from __future__ import annotations", "\n".join(standard), "\n".join(other)]
    return ["\n\n".join(filter(None, blocks)), *(known[name].text for name in known if name in wanted)]


def _statements(used: set[str]) -> list[str]:
    """Return the imports of names, those from one module in one statement."""
    modules: dict[str, list[str]] = {}
    for name, said in _imports().items():
        if name in used:
            module, _, names = said.rpartition(" import ")
            modules.setdefault(module or said, []).extend([name] if names and module else [])
    return [
        f"{module} import {', '.join(sorted(names))}" if names else module
        for module, names in modules.items()
    ]


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))
