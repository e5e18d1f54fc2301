"""Boxes outside of stacks: one for each module, alike ones as one, opened ones by their parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from shareviz.graphs._facts import Facts, short
from shareviz.graphs._rows import tells_all
from shareviz.graphs.look import ALIKE, MODULE, Look
from shareviz.text import plural

ALIKE_LEAST = 3  # fewer modules that are alike stay boxes of their own
LEAST_PARTS = 4  # boxes that an opened one may show, or it stays closed


@dataclass(frozen=True, slots=True)
class Draft:
    """A box before it has a place. `stack` and `group` are -1 for modules outside of stacks.

    `first` is the place of its first weight in the order of definition; `whole`: it stands for
    everything below `path`. `alike` are the boxes of equal modules that it stands for; `frames` the
    marks and paths of what was opened around it, outermost first; `left`: its boxes found no room.
    """

    path: str
    first: int
    names: tuple[str, ...]
    stack: int = -1
    group: int = -1
    whole: bool = True
    alike: tuple[Draft, ...] = ()
    frames: tuple[tuple[str, str], ...] = ()
    left: bool = False

    @property
    def mark(self) -> str:
        """Return the mark of a look that opens this module, or these modules that are alike."""
        one = self.alike[0] if self.alike else self
        kind = ALIKE if self.alike else MODULE
        return f"{kind}{one.first}.{_depth(one.path)}"


@dataclass(slots=True)
class Opening:
    """What a look opened outside of stacks: the title of each mark that did something, and notes.

    `room` is how many more boxes may be drawn.
    """

    room: int
    titles: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def modules(facts: Facts, names: Sequence[str], depth: int | None) -> list[Draft]:
    """Return a box for each module that holds some of the weights, or for all below a depth."""
    order = facts.order
    parents = {module.path.rpartition(".")[0] for module in facts.snapshot.modules if module.path}
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        path = facts.named[name].module
        groups[".".join(path.split(".")[:depth]) if depth else path].append(name)
    return [
        Draft(path, order[held[0]], tuple(held), whole=bool(path and depth) or path not in parents)
        for path, held in groups.items()
    ]


def together(facts: Facts, drafts: Sequence[Draft]) -> list[Draft]:
    """Return the boxes with neighbours of equal structure and equal sharing as one."""
    out: list[Draft] = []
    for _, run in groupby(drafts, key=lambda draft: _signature(facts, draft)):
        members = tuple(run)
        if len(members) < ALIKE_LEAST or not members[0].path:
            out.extend(members)
            continue
        held = tuple(name for one in members for name in one.names)
        out.append(
            Draft(members[0].path.rpartition(".")[0], members[0].first, held, whole=False, alike=members)
        )
    return out


def _signature(facts: Facts, draft: Draft) -> tuple[object, ...]:
    """Return a value that is equal for modules of one parent with equal structure and equal sharing."""
    inside = set(draft.names)
    cut = len(draft.path) + 1
    cells = []
    for name in draft.names:
        weight = facts.named[name]
        marks = tuple(_mark(facts, facts.sets.get(piece), (inside, cut)) for piece in facts.pieces(name))
        module = facts.snapshot.by_path.get(weight.module)
        cells.append((name[cut:], weight.shape, module.cls if module else "", marks))
    return draft.path.rpartition(".")[0], tuple(cells)


def _mark(facts: Facts, set_id: str | None, at: tuple[set[str], int]) -> object:
    """Return a set's id, or its places in the module where all of it is there."""
    if set_id is None:
        return None
    inside, cut = at
    held = {spot[2] for spot in facts.spots[set_id] if spot[0] < 0}
    whole = len(held) == len(facts.spots[set_id]) and held <= inside
    return frozenset(name[cut:] for name in held) if whole else set_id


def opened(facts: Facts, drafts: Sequence[Draft], look: Look, seen: Opening) -> list[Draft]:
    """Return the boxes with those that a look opens replaced by their parts; `seen` is told of each."""
    return [one for draft in drafts for one in _opened(facts, draft, look, seen)]


def _opened(facts: Facts, draft: Draft, look: Look, seen: Opening) -> Iterator[Draft]:
    if draft.mark not in look.opened or draft.left:
        yield draft
        return
    parts = parts_of(facts, draft)
    if not parts and hides(facts, draft):
        seen.titles[draft.mark] = f"{title_of(draft)}: tensors"
    if parts and seen.room < LEAST_PARTS:
        seen.notes.append(f"{title_of(draft)} stays closed: the picture is full.")
    if not parts or seen.room < LEAST_PARTS:
        yield draft
        return
    seen.titles[draft.mark] = title_of(draft)
    kept = _kept(draft, parts, seen)
    seen.room -= len(kept) - 1
    frame = (draft.mark, draft.path)
    for part in kept:
        yield from _opened(facts, replace(part, frames=(*draft.frames, frame)), look, seen)


def _kept(draft: Draft, parts: list[Draft], seen: Opening) -> list[Draft]:
    """Return the parts that find room; the others, which stand before the last, as one box."""
    room = seen.room
    if len(parts) <= room:
        return parts
    rest = tuple(parts[room - 2 : -1])
    held = tuple(name for one in rest for name in one.names)
    gap = Draft(draft.path, rest[0].first, held, whole=False, alike=rest, left=True)
    said = f"{plural(room - 1, 'part')} drawn one by one, {len(rest)} more told as one box."
    seen.notes.append(f"{title_of(draft)}: {said}")
    return [*parts[: room - 2], gap, parts[-1]]


def parts_of(facts: Facts, draft: Draft) -> list[Draft]:
    """Return the boxes that a box stands for: its equals, or the next modules inside; [] for one module."""
    if draft.alike:
        return list(draft.alike)
    if not draft.whole or len({facts.named[name].module for name in draft.names}) < 2:
        return []
    deepest = max(_depth(facts.named[name].module) for name in draft.names)
    for depth in range(_depth(draft.path) + 1, deepest + 1):
        found = modules(facts, draft.names, depth)
        if len(found) > 1:
            return together(facts, found)
    return []


def hides(facts: Facts, draft: Draft) -> bool:
    """Whether a box of one module tells several tensors by what they do, and so can tell each."""
    return not draft.left and not tells_all(facts, draft.path, draft.names)


def title_of(draft: Draft) -> str:
    """Return what a box outside of stacks is called, whatever the frame around it."""
    if not draft.alike:
        return short(draft.path) if draft.path else "model"
    ends = (draft.alike[0].path, draft.alike[-1].path)
    return f"{short(ends[0], 20)} … {short(ends[1].rpartition('.')[2], 16)}"


def _depth(path: str) -> int:
    return path.count(".") + 1 if path else 0
