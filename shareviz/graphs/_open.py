"""A folded stack as somebody wants it: many groups told together, chosen ones opened into their layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from shareviz.graphs._facts import Facts
from shareviz.graphs._stack import Folded, ordered
from shareviz.graphs.look import Look
from shareviz.layers import Stack, passes

SHOWN = 6  # groups of one stack; more are drawn as the first two, one for the rest, and the last


@dataclass(frozen=True, slots=True)
class Opened:
    """A stack as it is drawn, and as it would be with everything closed.

    `single` is how many layers stand for themselves because their group was opened, `left` how many
    found no room.
    """

    drawn: Folded
    closed: Folded
    single: int = 0
    left: int = 0


def closed(found: Folded) -> Folded:
    """Return a stack of many groups as the first two, one for the rest, and the last."""
    last = len(found.groups) - 1
    return _elide(found, 2, last) if len(found.groups) > SHOWN else found


def wide(found: Folded, place: int, look: Look) -> frozenset[int]:
    """Return the groups that a look opens: groups that run in turns open together."""
    heads = look.layers(place)
    chosen = {n for n, group in enumerate(found.groups) if group[0] in heads and len(group) > 1}
    if found.loop is not None:
        turns = range(found.loop[0], found.loop[1] + 1)
        chosen |= set(turns) if chosen & set(turns) else set()
    return frozenset(chosen)


def opened(found: Folded, at: tuple[Facts, Stack, int], look: Look, *, room: int) -> Opened:
    """Return a stack under a look.

    Args:
        found: All its groups.
        at: The facts, the stack and its number.
        room: How many layers of opened groups may be drawn one by one; the rest stay together.
    """
    facts, stack, place = at
    plain = closed(found)
    chosen = wide(found, place, look)
    if not chosen:
        return Opened(found if look.every(place) else plain, plain)
    run = passes(facts.snapshot, stack)
    number = {position: n for n, group in enumerate(found.groups) for position in group}
    singles = [position for position in dict.fromkeys(run) if number[position] in chosen]
    left = set(singles[room - 2 : -1]) if len(singles) > room else set()
    keys = {
        position: "left" if position in left else ("layer", position) if n in chosen else n
        for position, n in number.items()
    }
    drawn = ordered(run, lambda position: keys[position])
    if left:
        rest = next(n for n, group in enumerate(drawn.groups) if left.issuperset(group))
        return Opened(replace(drawn, rest=rest), plain, len(singles) - len(left), len(left))
    middle = set(range(2, len(found.groups) - 1))
    if plain.elided is not None and not look.every(place) and not chosen & middle:
        first = _first(found.groups[:2], chosen)
        drawn = _elide(drawn, first, first + len(middle))
    return Opened(drawn, plain, len(singles))


def _first(groups: Sequence[tuple[int, ...]], chosen: frozenset[int]) -> int:
    return sum(len(group) if n in chosen else 1 for n, group in enumerate(groups))


def _elide(found: Folded, first: int, last: int) -> Folded:
    """Return the groups with those from `first` up to `last`, not included, told as one."""

    def place(n: int) -> int:
        return n if n < first else first if n < last else n - last + first + 1

    rest = tuple(sorted(position for members in found.groups[first:last] for position in members))
    loop = found.loop
    return Folded(
        groups=(*found.groups[:first], rest, *found.groups[last:]),
        order=tuple(n for n, _ in groupby(place(n) for n in found.order)),
        loop=None if loop is None else (place(loop[0]), place(loop[1]), loop[2]),
        runs=(*found.runs[:first], sum(found.runs[first:last]), *found.runs[last:]),
        elided=last - first,
        rest=first,
    )
