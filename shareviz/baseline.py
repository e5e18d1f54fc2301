"""A model as it would be with nothing shared: what a saving is measured against."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace

from shareviz.errors import PlanError
from shareviz.sharing import reads
from shareviz.snapshot import Region, Snapshot, Step, Tensor, contiguous
from shareviz.strategies import strategies


def without_sharing(snapshot: Snapshot) -> Snapshot:
    """Return the model with every tie undone and each further use of a slot given memory of its own.

    ALBERT is one block run twelve times; without sharing it has twelve blocks, so eleven copies of
    each slot join, named `… (use 2)` and so on. Weights made of pieces stay as they are.
    """
    with suppress(PlanError):  # nothing is tied
        snapshot = strategies()["apart"].plan(snapshot, {}).apply(snapshot)
    return _unrolled(snapshot)


def _unrolled(snapshot: Snapshot) -> Snapshot:
    taken = reads(snapshot)
    if taken is None or snapshot.steps is None:
        return snapshot
    often = {
        slot.name: taken[slot.name] // slot.numel
        for slot in snapshot.parameters()
        if slot.numel and slot.region is not None and taken[slot.name] >= 2 * slot.numel
    }
    if not often:
        return snapshot
    tensors = list(snapshot.tensors)
    storages = list(snapshot.storages)
    numbers = Counter(object=max((slot.object or 0 for slot in tensors), default=0))
    for slot in snapshot.tensors:
        for use in range(2, often.get(slot.name, 1) + 1):
            numbers["object"] += 1
            tensors.append(_copy(slot, use, len(storages), numbers["object"]))
            storages.append(slot.nbytes)
    steps = _moved(snapshot.steps, snapshot, often)
    return replace(snapshot, tensors=tuple(tensors), storages=tuple(storages), steps=steps)


def _copy(slot: Tensor, use: int, storage: int, number: int) -> Tensor:
    return replace(
        slot,
        name=copy_name(slot.name, use),
        region=Region(storage, 0, contiguous(slot.shape)),
        object=None if slot.object is None else number,
    )


def copy_name(name: str, use: int) -> str:
    """Return the name of the slot that the how manyeth use of a slot would have, from 1."""
    return name if use == 1 else f"{name} (use {use})"


def _moved(steps: tuple[Step, ...], snapshot: Snapshot, often: dict[str, int]) -> tuple[Step, ...]:
    """Return the steps with each further read of a slot moved to its copy."""
    seen: Counter[str] = Counter()
    moved = []
    for step in steps:
        if step.makes or not any(name in often for name, _ in step.reads):
            moved.append(step)
            continue
        taken = []
        for name, numel in step.reads:
            use = min(seen[name] // snapshot.by_name[name].numel + 1, often[name]) if name in often else 1
            seen[name] += numel
            taken.append((copy_name(name, use), numel))
        moved.append(replace(step, reads=tuple(taken)))
    return tuple(moved)
