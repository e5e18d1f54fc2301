"""What became of the names of a set: still one Parameter, half-tied, or apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shareviz.compare import set_members
from shareviz.layers import identity
from shareviz.relations import Relation, between
from shareviz.sets import SharedSet
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean

Weights = Mapping[str, Tensor | Derived]


class Fate(StrEnum):
    """What became of a tie. Half-tied: one storage still, but two Parameters, or one side computed."""

    KEPT = "kept"
    LOST = "lost"
    HALF = "half-tied"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step did to one set, and why."""

    set_id: str
    step: str
    fate: Fate
    reason: str


def outcome_of(step: str, shared: SharedSet, before: Snapshot, found: tuple[Snapshot | None, str]) -> Outcome:
    """Return what a step did to a set; `found` is the model after it, or None and why it did not run."""
    after, reason = found
    if after is None:
        return Outcome(shared.id, step, Fate.NOT_RUN, reason)
    weights = _weights(after)
    worst, why = Fate.KEPT, "every name still reads the same Parameter"
    order = (Fate.KEPT, Fate.HALF, Fate.LOST)
    for names in sorted(set_members(before, shared), key=sorted):
        if len(names) < 2:
            continue
        fate, said = _fate(sorted(names), before, (after, weights))
        if order.index(fate) > order.index(worst):
            worst, why = fate, said
    return Outcome(shared.id, step, worst, why)


def _weights(snapshot: Snapshot) -> Weights:
    plain: list[Tensor | Derived] = [*snapshot.tensors, *snapshot.derived]
    return {name: weight for weight in plain for name in snapshot.names_of(weight)}


def _fate(names: list[str], before: Snapshot, after: tuple[Snapshot, Weights]) -> tuple[Fate, str]:
    """Return what became of names that were tied, and the first pair that shows it."""
    snapshot, weights = after
    old = _weights(before)
    gone = [name for name in names if name not in weights]
    if gone:
        return Fate.LOST, f"{clean(gone[0], 60)} is gone"
    first = names[0]
    worst: tuple[Fate, str] = (Fate.KEPT, "")
    for name in names[1:]:
        found = _pair((first, name), snapshot, weights)
        if found[0] is Fate.HALF and _two_objects(old[first], old[name]):
            continue  # it was two Parameters before: nothing was lost
        if found[0] is Fate.LOST:
            return found
        if found[0] is Fate.HALF:
            worst = found
    return worst


def _pair(names: tuple[str, str], snapshot: Snapshot, weights: Weights) -> tuple[Fate, str]:
    a, b = weights[names[0]], weights[names[1]]
    both = f"{clean(names[0], 60)}, {clean(names[1], 60)}"
    if a is b or (isinstance(a, Derived) and isinstance(b, Derived) and _alike(a, b, snapshot)):
        return Fate.KEPT, ""
    if isinstance(a, Derived) or isinstance(b, Derived):
        computed = a if isinstance(a, Derived) else b
        linked = any(between(x, y).shares for x in _read_by(a, snapshot) for y in _read_by(b, snapshot))
        how = f"{clean(computed.name, 60)} is computed from"
        return (Fate.HALF, f"{how} the tied weight") if linked else (Fate.LOST, f"{how} weights of its own")
    found = between(a, b)
    if found is Relation.SAME_OBJECT:
        return Fate.KEPT, ""
    if found.shares:
        return Fate.HALF, f"{both}: two Parameters on one storage, {found}"
    return Fate.LOST, f"{both}: two tensors"


def _alike(a: Derived, b: Derived, snapshot: Snapshot) -> bool:
    return identity(snapshot, a.name) == identity(snapshot, b.name)


def _read_by(weight: Tensor | Derived, snapshot: Snapshot) -> list[Tensor]:
    if isinstance(weight, Tensor):
        return [weight]
    return [snapshot.by_name[name] for name in weight.reads if name in snapshot.by_name]


def _two_objects(a: Tensor | Derived, b: Tensor | Derived) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a is not b and a.object != b.object
