"""Arrows between boxes and the loops beside stacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from shareviz.graphs._drafts import Drafts
from shareviz.graphs._facts import Facts
from shareviz.graphs._flow import Flow, Homes, Key, flow, thinned
from shareviz.graphs._frames import Frames
from shareviz.graphs.parts import Edge, Loop


@dataclass(frozen=True, slots=True)
class _Seen:
    """The traced flow, and the box of each of its keys."""

    flow: Flow
    box_of: Mapping[Key, int]

    def in_sequence(self, stack: int) -> bool:
        """Whether a layer of a stack takes what another one made; towers side by side do not."""
        return any(a[0] == b[0] == stack for a, b in self.flow.pairs)

    def first(self) -> dict[int, int]:
        """Return the step at which each box first runs."""
        firsts: dict[int, int] = {}
        for key, step in self.flow.first.items():
            box = self.box_of[key]
            firsts[box] = min(step, firsts.get(box, step))
        return firsts


@dataclass(frozen=True, slots=True)
class Arrows:
    """The edges of a graph, the loops beside its stacks, and the stacks that run one box after the other."""

    edges: tuple[Edge, ...]
    loops: tuple[Loop, ...]
    chained: frozenset[int]


def arrows(known: Facts, found: Drafts, around: Frames) -> Arrows:
    """Return the data flow between boxes; without a trace, the order of definition."""
    if known.snapshot.steps is None:
        every = frozenset(around.stacks)
        return Arrows(tuple(_defined(found, around)), _loops(found, around, every), every)
    homes, box_of = _keys(known, found)
    seen = _Seen(flow(known.snapshot, homes), box_of)
    chained = frozenset(place for place in around.stacks if seen.in_sequence(place))
    return Arrows(tuple(_traced(found, around, seen, chained)), _loops(found, around, chained), chained)


def _keys(known: Facts, found: Drafts) -> tuple[Homes, dict[Key, int]]:
    """Return where steps run, and which box each key belongs to."""
    whole: dict[str, Key] = {}
    slots: dict[str, Key] = {}
    box_of: dict[Key, int] = {}
    first_path = {alias: module.path for module in known.snapshot.modules for alias in module.aliases}
    for number, draft in enumerate(found.boxes):
        if draft.stack < 0:
            box_of[-1, number] = number
            slots.update(dict.fromkeys(draft.names, (-1, number)))
            inner = [one for part in draft.alike for one in (part.alike or (part,))]
            whole.update({one.path: (-1, number) for one in (draft, *inner) if one.whole})
            continue
        stack = known.stacks[draft.stack]
        for position in found.folded[draft.stack].groups[draft.group]:
            key = (draft.stack, position)
            box_of[key] = number
            path = stack.path(position)
            whole.setdefault(first_path.get(path, path), key)
            for name in stack.cells[position]:
                slots.setdefault(name or "", key)
    return Homes(whole, slots), box_of


def _traced(found: Drafts, around: Frames, seen: _Seen, chained: frozenset[int]) -> list[Edge]:
    first = seen.first()
    pairs: dict[tuple[int, int], None] = {}
    for source, target in seen.flow.pairs:
        a, b = seen.box_of[source], seen.box_of[target]
        if a == b or (source[0] == target[0] and source[0] in chained):
            continue
        a = _end(found, a, last=True) if source[0] in chained else a
        b = _end(found, b, last=False) if target[0] in chained else b
        pairs[a, b] = None
    kept = list(pairs)
    if len(kept) > 2 * len(found.boxes):
        kept = thinned(kept, first)
    edges = [_edge(found, around, pair, chained, first) for pair in kept]
    return [*edges, *(edge for place in sorted(chained) for edge in _chain(found, place))]


def _end(found: Drafts, box: int, *, last: bool) -> int:
    """Return the first or last box of a stack, at which edges end at the frame or leave it.

    Not the group that runs last: the frame is what an edge touches, and the loop says how often.
    """
    stack = found.boxes[box].stack
    return _box(found, stack, len(found.folded[stack].groups) - 1 if last else 0)


def _box(found: Drafts, stack: int, group: int) -> int:
    return next(n for n, draft in enumerate(found.boxes) if (draft.stack, draft.group) == (stack, group))


def _edge(
    found: Drafts, around: Frames, pair: tuple[int, int], chained: frozenset[int], first: Mapping[int, int]
) -> Edge:
    stacks = [found.boxes[box].stack for box in pair]
    leaves, enters = (around.stacks[place] if place in chained else "" for place in stacks)
    return Edge(f"n{pair[0]}", f"n{pair[1]}", leaves, enters, back=first[pair[1]] < first[pair[0]])


def _chain(found: Drafts, place: int) -> list[Edge]:
    boxes = [_box(found, place, group) for group in range(len(found.folded[place].groups))]
    return [Edge(f"n{a}", f"n{b}") for a, b in pairwise(boxes)]


def _defined(found: Drafts, around: Frames) -> list[Edge]:
    """Return one line after the other, in order of definition; a stack is one link of the chain."""
    edges: list[Edge] = []
    links: dict[object, tuple[int, int, str]] = {}
    for number, draft in enumerate(found.boxes):
        if draft.stack in around.stacks:
            ends = _end(found, number, last=False), _end(found, number, last=True)
            links.setdefault(("stack", draft.stack), (*ends, around.stacks[draft.stack]))
        else:
            links[number] = (number, number, "")
    for (_, a, leaves), (b, _, enters) in pairwise(links.values()):
        edges.append(Edge(f"n{a}", f"n{b}", leaves, enters))
    return [*edges, *(edge for place in around.stacks for edge in _chain(found, place))]


def _loops(found: Drafts, around: Frames, chained: frozenset[int]) -> tuple[Loop, ...]:
    loops = []
    for place, cluster in around.stacks.items():
        folded = found.folded[place]
        if folded.loop is None or place not in chained:
            continue
        first, last, times = folded.loop
        boxes = tuple(f"n{_box(found, place, group)}" for group in range(first, last + 1))
        label = f"×{times}" if times else f"{sum(folded.runs[first : last + 1])} runs"
        loops.append(Loop(boxes, label, cluster))
    return tuple(loops)
