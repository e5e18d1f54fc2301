"""Forms on names that may be tied: all names of a tensor read the same pieces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from shareviz.errors import PlanError
from shareviz.forms import Form
from shareviz.once import once
from shareviz.plan import Rewrite
from shareviz.snapshot import Region, Snapshot
from shareviz.text import clean


def formed(snapshot: Snapshot, forms: Mapping[str, Form]) -> tuple[Rewrite, ...]:
    """Return the rewrites that give tensors a form; names tied to them get it too, from the same pieces.

    Raises:
        PlanError: Names of one tensor ask for different forms, or look at it in different shapes.
    """
    readers = _readers(snapshot)
    rewrites: dict[str, Rewrite] = {}
    for name, form in forms.items():
        if name in rewrites:
            continue
        slot = snapshot.by_name.get(name)
        if slot is None:
            raise PlanError(f"{clean(name, 80)} is already made of pieces.", hint="Put one form on a name.")
        for other in readers[slot.region] if slot.region is not None else [name]:
            if forms.get(other, form) != form or snapshot.by_name[other].shape != slot.shape:
                raise PlanError(
                    f"{clean(name, 80)} and {clean(other, 80)} are one tensor and would differ.",
                    hint="Untie them first.",
                )
            reads = () if other == name else tuple((piece, name) for piece in form.pieces(slot.shape))
            rewrites[other] = Rewrite(other, form, reads)
    return tuple(rewrites.values())


@once
def _readers(snapshot: Snapshot) -> Mapping[Region, list[str]]:
    readers: dict[Region, list[str]] = defaultdict(list)
    for slot in snapshot.parameters():
        if slot.region is not None:
            readers[slot.region].append(slot.name)
    return readers
