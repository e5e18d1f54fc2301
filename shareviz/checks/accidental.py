"""One module object at several places, which prints and counts as if there were several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shareviz.checks._base import Check, Finding, Level, assignment, expression
from shareviz.roles import Role, roles
from shareviz.sets import SharedSet, shared_sets
from shareviz.sharing import ancestors, slots_below
from shareviz.snapshot import Module, Snapshot
from shareviz.text import clean, listed, plural, ranges


@dataclass(frozen=True, slots=True)
class _Container:
    """A numbered list some of whose entries are one object: `entries` pairs number and first path."""

    path: str
    entries: tuple[tuple[int, str], ...]
    hidden: int  # entries beyond the listed aliases

    @property
    def objects(self) -> int:
        return len({path for _, path in self.entries})

    @property
    def twice(self) -> tuple[int, int]:
        """The first two numbers under which one object stands."""
        numbers: dict[str, int] = {}
        pairs = ((numbers.setdefault(path, number), number) for number, path in self.entries)
        return next((first, second) for first, second in pairs if first != second)


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return a note for every list of one object, one for other doubles, and what is written as a loop.

    Modules without tensors (activations, dropout) may be reused freely and are not mentioned.
    """
    heavy = _with_tensors(snapshot)
    doubled = [
        module for module in snapshot.modules if module.path in heavy and _doubled_here(module, snapshot)
    ]
    lists = tuple(_containers(doubled))
    inside = {path for found in lists for _, path in found.entries}
    alone = [module for module in doubled if module.path not in inside and not _is_table(module, snapshot)]
    loops = [shared for shared in shared_sets(snapshot) if _is_loop(shared, snapshot)]
    return (
        *(_about_list(found, snapshot) for found in lists),
        *(_about_module(module, snapshot) for module in alone),
        *(_about_loop(shared) for shared in loops),
    )


CHECK = Check(
    name="accidental",
    title="Layers that are one object",
    run=run,
    source="Python: [layer] * N repeats a reference; Liger-Kernel #269, U-Net_v2 #10, RED-CNN #8",
)


def _with_tensors(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(path for slot in snapshot.tensors for path in ancestors(slot.module))


def _doubled_here(module: Module, snapshot: Snapshot) -> bool:
    """Whether the module itself has several paths, not only something above it."""
    above = snapshot.by_path.get(module.path.rpartition(".")[0])
    return module.path != "" and module.paths > (above.paths if above is not None else 1)


def _containers(doubled: list[Module]) -> Iterator[_Container]:
    """Group the doubled modules by the numbered lists in which they stand, in order of definition."""
    entries: dict[str, dict[int, str]] = defaultdict(dict)
    beyond: dict[str, int] = defaultdict(int)
    for module in doubled:
        hosts = set()
        for name in (module.path, *module.aliases):
            host, _, last = name.rpartition(".")
            if last.isdecimal():
                entries[host][int(last)] = module.path
                hosts.add(host)
        if len(hosts) == 1:
            beyond[hosts.pop()] += max(0, module.paths - 1 - len(module.aliases))
    for host, found in entries.items():
        if len(set(found.values())) < len(found):
            yield _Container(host, tuple(sorted(found.items())), beyond[host])


def _is_table(module: Module, snapshot: Snapshot) -> bool:
    """Whether a module holds only a token table: reaching one by two paths is how tables are tied."""
    known = roles(snapshot)
    slots = slots_below(snapshot).get(module.path, ())
    return bool(slots) and all(known[slot.name] is Role.EMBEDDING for slot in slots)


def _is_loop(shared: SharedSet, snapshot: Snapshot) -> bool:
    """Whether a set is one block with one name that the code calls again and again."""
    slots = [snapshot.by_name[name] for name in shared.names]
    single = all(len(group) == 1 for group in shared.groups)
    return single and shared.saved > 0 and all(len(snapshot.names_of(slot)) == 1 for slot in slots)


def _about_list(found: _Container, snapshot: Snapshot) -> Finding:
    many, objects = len(found.entries) + found.hidden, found.objects
    numbers = [number for number, _ in found.entries]
    place = clean(found.path, 80) or "The model"
    first, second = found.twice
    code, noun = expression(found.path), _noun(found.path)
    paths = dict.fromkeys(path for _, path in found.entries)
    return Finding(
        Level.NOTE,
        f"{plural(many, noun)} use {'one object' if objects == 1 else f'{objects} objects'}",
        f"{place} holds {ranges(numbers)} as {'one module' if objects == 1 else f'{objects} modules'}, "
        f"so they train as one. Printed, the model shows {plural(many, noun)} all the same. "
        f"Meant, or written as [{noun}] * {many}?",
        names=_names_under(paths, snapshot),
        evidence=f"{code}[{first}] is {code}[{second}]",
        fix=(
            "import copy\n\n"
            f"for number in range(1, len({code})):  # layers of their own, equal at the start\n"
            f"    {code}[number] = copy.deepcopy({code}[number])\n"
            "# make the optimizer after this line: it must see the new parameters"
        ),
    )


def _noun(path: str) -> str:
    """Return what the entries of a list are called: tower for towers, layer where the name says nothing."""
    last = path.rpartition(".")[2].lower()
    known = ("tower", "expert", "stage", "cell", "head", "encoder", "decoder")
    return next((word for word in known if last.startswith(word)), "layer")


def _about_module(module: Module, snapshot: Snapshot) -> Finding:
    paths = (module.path, *module.aliases)
    first, second = paths[0], paths[1]
    return Finding(
        Level.NOTE,
        f"One {clean(module.cls, 40)} stands at {plural(module.paths, 'place')}",
        f"{listed(paths)} are one module, so they train as one. If that was meant, leave it.",
        names=_names_under((module.path,), snapshot),
        evidence=f"{expression(first)} is {expression(second)}",
        fix=(
            "import copy\n\n"
            f"{assignment(second, f'copy.deepcopy({expression(first)})')}\n"
            "# make the optimizer after this line: it must see the new parameters"
        ),
    )


def _about_loop(shared: SharedSet) -> Finding:
    what = shared.what if len(shared.what) < 60 else "A block"
    return Finding(
        Level.OK,
        f"{shared.id} is one block, called again and again",
        f"{what[:1].upper()}{what[1:]} ({clean(shared.where, 80)}): {shared.users} of one forward pass. "
        "It has one name, so the code repeats it on purpose.",
        names=shared.names,
        evidence="The traced forward pass reads it more than once.",
    )


def _names_under(paths: Iterable[str], snapshot: Snapshot) -> tuple[str, ...]:
    below = slots_below(snapshot)
    return tuple(dict.fromkeys(slot.name for path in paths for slot in below.get(path, ())))
