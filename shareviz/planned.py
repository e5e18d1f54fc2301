"""What a plan stores and acts like, counted without making the model under it.

`tally(plan.apply(snapshot))` says the same and takes longer: a sweep asks hundreds of times.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from shareviz.capacity import Capacity, Repeats, by_repeats, covered, estimated, known_form, outside, runs
from shareviz.once import once
from shareviz.plan import Plan
from shareviz.rewrites import PLAIN, Resolved, Root, resolve
from shareviz.sharing import components, distinct, readers, tally
from shareviz.snapshot import Snapshot, Tensor


@dataclass(frozen=True, slots=True)
class Planned:
    """The counts of a model under a plan. `estimate` is None where the published fit says nothing."""

    stored: int
    used: int | None
    estimate: Capacity | None


def planned(snapshot: Snapshot, plan: Plan) -> Planned:
    """Return what a model stores, uses and acts like under a plan, exactly as the model itself would say.

    Raises:
        PlanError: As `Plan.apply`.
    """
    resolved = resolve(plan.rewrites, snapshot)
    fresh: dict[Root, list[str]] = defaultdict(list)  # memory of its own → the weights that read it
    joined: dict[str, list[str]] = defaultdict(list)  # a slot that stays → the weights that read it too
    for (name, _), root in resolved.roots.items():
        if root[1] == PLAIN:
            joined[root[0]].append(name)
        else:
            fresh[root].append(name)
    sizes = {(name, piece): prod(resolved.sizes[name][piece]) for name, piece in fresh}
    stored = tally(snapshot).stored + sum(sizes.values()) - _left(snapshot, resolved)
    return Planned(stored, tally(snapshot).used, _estimate(snapshot, resolved, (fresh, joined, sizes)))


def _left(snapshot: Snapshot, resolved: Resolved) -> int:
    """Return the elements of storages that nobody reads any more."""
    storages, numbers = _by_storage(snapshot), set[int]()
    for name in resolved.rewrites:
        region = snapshot.by_name[name].region
        if region is not None:
            numbers.add(region.storage)
    left = 0
    for number in numbers:
        slots, elements = storages[number]
        kept = [slot for slot in slots if slot.name not in resolved.rewrites]
        left += elements - (distinct(kept) if kept else 0)
    return left


@once
def _by_storage(snapshot: Snapshot) -> Mapping[int, tuple[Sequence[Tensor], int]]:
    found: dict[int, list[Tensor]] = defaultdict(list)
    for slot in snapshot.parameters():
        if slot.region is not None:
            found[slot.region.storage].append(slot)
    return {number: (tuple(slots), distinct(slots)) for number, slots in found.items()}


Moved = tuple[Mapping[Root, Sequence[str]], Mapping[str, Sequence[str]], Mapping[Root, int]]


def _estimate(snapshot: Snapshot, resolved: Resolved, moved: Moved) -> Capacity | None:
    left_out, often = outside(snapshot), runs(snapshot)
    forms = ((name, rewrite.form) for name, rewrite in resolved.rewrites.items() if rewrite.form is not None)
    if not covered(snapshot) or not all(known_form(form) or name in left_out for name, form in forms):
        return None
    fresh, joined, sizes = moved
    found: Counter[Repeats] = Counter(by_repeats(snapshot))

    def add(names: Iterable[str], elements: int) -> None:
        repeats: Repeats = 0
        for name in names:
            if name in left_out:
                return
            repeats += often[name]
        found[repeats] += elements

    for root, names in fresh.items():
        add(names, sizes[root])
    groups, home = _homes(snapshot)
    for place in {home[name] for name in (*resolved.rewrites, *joined)}:
        slots, elements = groups[place]
        add((slot.name for slot in slots), -elements)
        kept = [slot for slot in slots if slot.name not in resolved.rewrites]
        for group in components(kept):
            more = [name for slot in group for name in joined.get(slot.name, ())]
            add([*(slot.name for slot in group), *more], distinct(group))
    return estimated(found)


@once
def _homes(snapshot: Snapshot) -> tuple[Sequence[tuple[Sequence[Tensor], int]], Mapping[str, int]]:
    """Return who reads the same elements, with how many, and the place of each slot there."""
    groups = [(slots, distinct(slots)) for slots in readers(snapshot)]
    return groups, {slot.name: place for place, (slots, _) in enumerate(groups) for slot in slots}
