"""Where data goes between boxes: from the steps of a traced pass, else the order of definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shareviz.sharing import ancestors
from shareviz.snapshot import Snapshot, Step

Key = tuple[int, int]  # (number of a stack, layer position), or (-1, number of a module box)


@dataclass(frozen=True, slots=True)
class Homes:
    """Which key a step belongs to. `whole` holds paths whose every step does, `slots` single weights."""

    whole: Mapping[str, Key]
    slots: Mapping[str, Key]

    def of(self, step: Step) -> Key | None:
        """Return the key in which a step runs, or None where results only pass through."""
        for path in ancestors(step.module):
            if path in self.whole:
                return self.whole[path]
        return next((self.slots[name] for name, _ in step.reads if name in self.slots), None)


@dataclass(frozen=True, slots=True)
class Flow:
    """Directed pairs of keys, in the order in which they first happen, and when each key first runs."""

    pairs: tuple[tuple[Key, Key], ...]
    first: Mapping[Key, int] = field(default_factory=dict)


def flow(snapshot: Snapshot, homes: Homes) -> Flow:
    """Return which key hands results to which, through steps of modules that are no box."""
    made: list[frozenset[Key]] = []
    pairs: dict[tuple[Key, Key], None] = {}
    first: dict[Key, int] = {}
    for number, step in enumerate(snapshot.steps or ()):
        taken = frozenset().union(*(made[source] for source in step.inputs))
        home = homes.of(step)
        if home is None:
            made.append(taken)
            continue
        first.setdefault(home, number)
        pairs.update(dict.fromkeys((source, home) for source in sorted(taken) if source != home))
        made.append(frozenset((home,)))
    return Flow(tuple(pairs), first)


def thinned(pairs: Sequence[tuple[int, int]], order: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return the pairs without those that only jump over others, which a longer way shows too.

    Only pairs that run forward in `order` count; the others are kept as they are.
    """
    forward = [(a, b) for a, b in pairs if order[a] < order[b]]
    after: dict[int, set[int]] = {}
    for node in sorted(order, key=lambda name: -order[name]):
        direct = [b for a, b in forward if a == node]
        after[node] = set(direct).union(*(after[b] for b in direct))
    kept = {
        (a, b)
        for a, b in forward
        if not any(b in after[via] for source, via in forward if source == a and via != b)
    }
    return [pair for pair in pairs if pair in kept or order[pair[0]] >= order[pair[1]]]
