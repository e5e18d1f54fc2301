"""How the elements of two names are related, in the words of one table."""

from __future__ import annotations

from enum import StrEnum

from shareviz import geometry
from shareviz.errors import SharevizError
from shareviz.snapshot import Snapshot, Tensor
from shareviz.text import clean


class Relation(StrEnum):
    """How the elements of two names are related, strongest first."""

    SAME_OBJECT = "same-object"
    SAME_VIEW = "same-view"
    TRANSPOSED = "transposed"
    RESHAPED = "reshaped"
    REINTERPRETED = "reinterpreted-dtype"
    CONJUGATE = "conjugate-view"
    PARTIAL = "partial-overlap"
    MAYBE = "maybe-overlap"
    DISJOINT = "disjoint-in-one-storage"
    NONE = "none"

    @property
    def shares(self) -> bool:
        """Whether an update of one can move the other."""
        return self not in (Relation.DISJOINT, Relation.NONE)


def relation(snapshot: Snapshot, a: str, b: str) -> Relation:
    """Return the strongest true relation of two names (any name of a slot, aliases too).

    Raises:
        SharevizError: A name that the model does not have (code `unknown-name`).
    """
    first, second = _slot(snapshot, a), _slot(snapshot, b)
    if first is second:
        return Relation.SAME_OBJECT
    return between(first, second)


def between(a: Tensor, b: Tensor) -> Relation:
    """Return the relation of two slots of one snapshot."""
    if a.region is None or b.region is None or a.region.storage != b.region.storage:
        return Relation.NONE
    if not a.numel or not b.numel:
        return Relation.NONE
    if a.object is not None and a.object == b.object:
        return Relation.SAME_OBJECT
    if a.region.flags != b.region.flags and _geometry(a) == _geometry(b):
        return Relation.CONJUGATE
    if _geometry(a) == _geometry(b):
        return Relation.SAME_VIEW
    met = geometry.overlap(a, b)
    if met is None:
        return Relation.MAYBE
    return _overlapping(a, b) if met else Relation.DISJOINT


def _slot(snapshot: Snapshot, name: str) -> Tensor:
    if name in snapshot.by_name:
        return snapshot.by_name[name]
    for slot in snapshot.tensors:
        if name in snapshot.names_of(slot):
            return slot
    raise SharevizError(
        f"The model has no tensor {clean(name, 80)}.",
        code="unknown-name",
        hint="Use a name as `inspect` lists it.",
    )


def _geometry(slot: Tensor) -> tuple[object, ...]:
    assert slot.region is not None
    steps = tuple(s for n, s in zip(slot.shape, slot.region.stride, strict=True) if n > 1)
    return slot.region.offset, slot.shape, steps, slot.dtype


def _overlapping(a: Tensor, b: Tensor) -> Relation:
    axes_a, axes_b = geometry.axes(a), geometry.axes(b)
    runs_a, runs_b = geometry.runs(a), geometry.runs(b)
    if runs_a != runs_b or runs_a is None:
        return Relation.PARTIAL
    repeats = any(not stride for _, stride in (*axes_a, *axes_b))
    if a.dtype != b.dtype:
        return Relation.REINTERPRETED
    if repeats or a.numel != b.numel:
        return Relation.PARTIAL
    if axes_a == axes_b:
        return Relation.RESHAPED
    return Relation.TRANSPOSED
