"""One stack, folded: layers of equal structure and sharing become one group, the groups' order a loop."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from shareviz.graphs._facts import Facts
from shareviz.layers import Stack, passes

Positions = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """The groups of a stack as layer positions, and how they run.

    `order` lists groups as they run, without immediate repeats. `loop` is the first and last group
    of the part that comes again, and how often: 0 where its order is not the same each time.
    """

    groups: tuple[Positions, ...]
    order: tuple[int, ...]
    loop: tuple[int, int, int] | None
    runs: tuple[int, ...]  # how many layers each group runs
    elided: int | None = None  # how many groups one group stands for
    rest: int = -1  # that group, or the one for the layers that found no room


def fold_stack(facts: Facts, stack: Stack, *, place: int) -> Folded:
    """Return the groups of a stack, however many; `place` is its number among the stacks."""
    run = passes(facts.snapshot, stack)
    marks = [signature(facts, place, position) for position in range(len(stack.layers))]
    found = ordered(run, lambda position: marks[position])
    if not _even(found):
        found = ordered(run, _apart(found, marks, run))
    return found


def signature(facts: Facts, place: int, position: int) -> tuple[object, ...]:
    """Return a value that is equal for layers of equal structure and equal sharing.

    A set that has one layer of this stack in it is named by where its other members stand relative
    to that layer, so twelve layers that each tie k to v are alike.
    """
    stack = facts.stacks[place]
    return tuple(name and _cell(facts, name, (place, position)) for name in stack.cells[position])


def _cell(facts: Facts, name: str, at: tuple[int, int]) -> tuple[object, ...]:
    weight = facts.snapshot.derived_by_name.get(name)
    marks = tuple(mark(facts, facts.sets.get(piece), at) for piece in facts.pieces(name))
    return facts.named[name].shape, None if weight is None else weight.form, marks


def mark(facts: Facts, set_id: str | None, at: tuple[int, int]) -> object:
    """Return what a set is called at (stack, layer position): its id, or, where it has no other layer of
    this stack in it, where its members stand relative to here.
    """
    if set_id is None:
        return None
    place, position = at
    spots = facts.spots[set_id]
    if {spot[1] for spot in spots if spot[0] == place} != {position}:
        return set_id
    return frozenset((stack, layer - position if stack >= 0 else 0, column) for stack, layer, column in spots)


def ordered(run: Sequence[int], key: Callable[[int], object]) -> Folded:
    """Return layers of one key as one group, in the order in which they run."""
    groups: dict[object, list[int]] = defaultdict(list)
    for position in dict.fromkeys(run):
        groups[key(position)].append(position)
    number = {position: n for n, members in enumerate(groups.values()) for position in members}
    order = tuple(n for n, _ in groupby(number[position] for position in run))
    counted = Counter(number[position] for position in run)
    return Folded(
        groups=tuple(tuple(sorted(members)) for members in groups.values()),
        order=order,
        loop=_loop(order, [number[position] for position in run]),
        runs=tuple(counted[n] for n in range(len(groups))),
    )


def _loop(order: tuple[int, ...], run: Sequence[int]) -> tuple[int, int, int] | None:
    """Return the part of the order that comes again, between what runs once in front and behind."""
    often = Counter(order)
    start, stop = 0, len(order)
    while start < stop and often[order[start]] == 1:
        start += 1
    while stop > start and often[order[stop - 1]] == 1:
        stop -= 1
    middle = order[start:stop]
    if not middle:
        return None
    period = len(set(middle))
    times, rest = divmod(len(middle), period)
    even = not rest and middle == middle[:period] * times
    return min(middle), max(middle), times if even else 0


def _even(found: Folded) -> bool:
    return found.loop is None or found.loop[2] > 0


def _apart(found: Folded, marks: Sequence[tuple[object, ...]], run: Sequence[int]) -> Callable[[int], object]:
    """Return a key that parts a group where other layers run between, unless a set of its own holds it."""
    sets = [_sets(marks[members[0]]) for members in found.groups]
    alone = [
        not (mine - set().union(*(theirs for other, theirs in enumerate(sets) if other != n)))
        for n, mine in enumerate(sets)
    ]
    number = {position: n for n, members in enumerate(found.groups) for position in members}
    keys: dict[int, object] = {}
    for stretch, (n, positions) in enumerate(groupby(run, lambda position: number[position])):
        for position in positions:
            keys.setdefault(position, (n, stretch) if alone[n] else n)
    return lambda position: keys[position]


def _sets(marks: tuple[object, ...]) -> set[str]:
    return {mark for cell in marks if isinstance(cell, tuple) for mark in cell[2] if isinstance(mark, str)}
