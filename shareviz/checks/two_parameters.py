"""Two Parameter objects on one storage: an optimizer sees two and steps twice."""

from __future__ import annotations

from collections import defaultdict

from shareviz.checks._base import Check, Finding, Level, expression, tie_line
from shareviz.relations import Relation, between
from shareviz.sharing import tied_groups
from shareviz.snapshot import Snapshot, Tensor
from shareviz.text import clean, listed, plural

_WHOLE = frozenset({Relation.SAME_VIEW, Relation.TRANSPOSED, Relation.RESHAPED, Relation.CONJUGATE})


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return one finding for each tied group whose names hold more than one Parameter object.

    A piece of a computed weight is left to the check of half-tied weights.
    """
    found = []
    for group in tied_groups(snapshot):
        if snapshot.pieces.intersection(group.names):
            continue
        slots = [snapshot.by_name[name] for name in group.names]
        objects = _objects(slots)
        if len(objects) > 1 and all(between(slots[0], slot) in _WHOLE for slot in objects[1:]):
            found.append(_finding(slots, objects))
    return tuple(found)


CHECK = Check(
    name="two_parameters",
    title="Two Parameters on one storage",
    run=run,
    source="torch.optim.Optimizer.add_param_group: duplicates are found by object, not by storage; "
    "pytorch #40967, #188346",
)


def _objects(slots: list[Tensor]) -> list[Tensor]:
    """Return the first slot of each Parameter object; () for a file, which knows no objects."""
    first: dict[int, Tensor] = {}
    for slot in slots:
        if slot.object is not None:
            first.setdefault(slot.object, slot)
    return list(first.values())


def _finding(slots: list[Tensor], objects: list[Tensor]) -> Finding:
    trained = any(slot.trainable for slot in objects)
    same_view = all(between(objects[0], slot) is Relation.SAME_VIEW for slot in objects[1:])
    words = ", ".join(sorted({str(between(objects[0], slot)) for slot in objects[1:]}))
    names = tuple(slot.name for slot in slots)
    does = "steps" if trained else "would step, were it trained,"
    return Finding(
        Level.PROBLEM if trained else Level.NOTE,
        f"{plural(len(objects), 'Parameter')} on one storage",
        f"{listed(names)} read the same elements through {len(objects)} Parameter objects, so an optimizer "
        f"{does} {'twice' if len(objects) == 2 else f'{len(objects)} times'}. Plain SGD ends up the same; "
        "Adam keeps a state for each and normalises each gradient alone, weight decay acts each time.",
        names=names,
        evidence=f"{clean(objects[0].name, 80)} is not {clean(objects[1].name, 80)}, but {words}.",
        fix=_repair(slots, same_view),
    )


def _repair(slots: list[Tensor], same_view: bool) -> str:
    owner = slots[0]
    if same_view:
        moved = [slot for slot in slots if slot.object != owner.object]
        lines = [tie_line(slot.name, owner.name) for slot in moved]
        return "\n".join((*lines, "# make the optimizer after this line"))
    by_object: dict[int | None, Tensor] = defaultdict(lambda: owner)
    for slot in slots:
        by_object.setdefault(slot.object, slot)
    other = next(slot for slot in by_object.values() if slot.object != owner.object)
    host, _, last = expression(other.name).rpartition(".")
    change = ".t()" if other.shape == owner.shape[::-1] and len(owner.shape) == 2 else f".view{other.shape}"
    return (
        f"# keep one Parameter and make the other view at each call\ndel {host}.{last}\n"
        f"# in forward: F.linear(x, {expression(owner.name)}{change})"
    )
