"""The weights of a model under a plan, by its names and by the names before it, and how far each moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from shareviz.errors import PlanError
from shareviz.geometry import meeting
from shareviz.plan import Plan
from shareviz.rewrites import PLAIN, WHOLE, Resolved, Root, piece_name
from shareviz.snapshot import Snapshot, Tensor
from shareviz.starts import Residual, Start, Started
from shareviz.starts._making import Making, planned
from shareviz.text import clean
from shareviz.values import Values


def made_from(
    plan: Plan,
    snapshot: Snapshot,
    values: Values,
    *,
    start: Start,
    progress: Callable[[float], None] | None,
) -> Started:
    """Return what `started` promises."""
    after = plan.apply(snapshot)
    _refuse_parts(after)
    making = planned(plan, snapshot, values, start)
    resolved, readers = making.resolved, making.readers
    roots = sorted(readers, key=lambda root: root[1] in ("up", "down"))  # a correction needs its base
    for done, root in enumerate(roots):
        making.add(root)
        if progress is not None:
            progress((done + 1) / len(roots))
    tensors = _under_plan(after, making)
    baked = _baked(resolved, snapshot, tensors)
    return Started(start, tensors, baked, _residuals(making, baked))


def _refuse_parts(after: Snapshot) -> None:
    """Raise where two names overlap in part: written apart, they would lose that."""
    by_storage: dict[int, dict[object, Tensor]] = defaultdict(dict)
    for slot in after.tensors:
        if slot.region is not None:
            by_storage[slot.region.storage].setdefault((slot.region, slot.shape), slot)
    for slots in (list(held.values()) for held in by_storage.values() if len(held) > 1):
        for group in meeting(slots):
            if len(group) > 1:
                a, b = (clean(slots[place].name, 80) for place in group[:2])
                raise PlanError(
                    f"{a} and {b} read overlapping parts of one storage.",
                    hint="Give each memory of its own, or tie them whole.",
                )


def _under_plan(after: Snapshot, making: Making) -> dict[str, torch.Tensor]:
    """Return all tensors of the model under the plan; equal regions are one tensor."""
    resolved, before = making.resolved, making.weights.snapshot
    origin: dict[str, Root] = {}
    for (name, piece), root in resolved.roots.items():
        form = resolved.rewrites[name].form
        origin[piece_name(before.by_name[name], piece, form) if form else name] = root
    # a name that stays may read what an owner reads: it moves with it
    moved = {before.by_name[name].region: one for (name, kind), one in making.made.items() if kind == PLAIN}
    known: dict[object, torch.Tensor] = {}
    out: dict[str, torch.Tensor] = {}
    for slot in after.tensors:
        key: object = (slot.region, slot.shape) if slot.region else slot.name
        if key not in known:
            made = origin.get(slot.name)
            here = making.made[made] if made else moved.get(before.by_name[slot.name].region)
            known[key] = making.weights(slot.name) if here is None else here
        out[slot.name] = known[key]
    return out


def _baked(
    resolved: Resolved, before: Snapshot, tensors: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return all weights by the names of the model before the plan; equal pieces make one tensor."""
    same: dict[object, torch.Tensor] = {}
    baked: dict[str, torch.Tensor] = {}
    for name, slot in before.by_name.items():
        rewrite = resolved.rewrites.get(name)
        form = rewrite.form if rewrite else None
        if form is None:
            baked[name] = tensors[name]
            continue
        pieces = {piece: tensors[piece_name(slot, piece, form)] for piece in form.pieces(slot.shape)}
        key = (form, *map(id, pieces.values()))
        if key not in same:
            same[key] = form.make(pieces, slot.shape)
        baked[name] = same[key]
    return baked


def _residuals(making: Making, baked: Mapping[str, torch.Tensor]) -> tuple[Residual, ...]:
    reached = {name for name, _ in making.resolved.roots} | {root[0] for root in making.made}
    plain = [making.weights.residual(name, weight) for name, weight in baked.items() if name in reached]
    norms = {one.name: one.norm for one in plain}
    return tuple(replace(one, strangers=_strangers(one.name, norms, making)) for one in plain)


def _strangers(name: str, norms: Mapping[str, float], making: Making) -> float | None:
    """Return how far a weight at right angles to the others of its group would move."""
    rewrite = making.resolved.rewrites.get(name)
    if rewrite is not None and rewrite.form is not None:
        return None
    root = making.resolved.roots.get((name, WHOLE), (name, PLAIN))
    chosen = making.chosen.get(root)
    if chosen is None or any(one not in norms for one in chosen):
        return 0.0 if chosen is None else None
    mine = norms[name] ** 2
    part = sum(norms[one] ** 2 for one in chosen) / len(chosen) ** 2
    held = 2 * mine / len(chosen) if making.stands_for(name) in chosen else 0.0
    return float(max(0.0, mine - held + part) ** 0.5)
