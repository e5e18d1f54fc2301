"""A model as it would be with nothing shared: what a saving is measured against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from shareviz.errors import PlanError
from shareviz.sharing import ancestors, reads
from shareviz.snapshot import Module, Region, Snapshot, Step, Tensor, contiguous
from shareviz.strategies import strategies


def without_sharing(snapshot: Snapshot) -> Snapshot:
    """Return the model with every tie undone and each further use of a module given memory of its own.

    ALBERT is one block run twelve times; without sharing it has twelve, numbered 0 to 11 behind the
    path of the block, as a list of them would be. Weights made of pieces stay as they are.
    """
    with suppress(PlanError):  # nothing is tied
        snapshot = strategies()["apart"].plan(snapshot, {}).apply(snapshot)
    often = _often(snapshot)
    return _unrolled(snapshot, _Uses(often, _roots(snapshot, often))) if often else snapshot


@dataclass(frozen=True, slots=True)
class _Uses:
    """How often each reused slot is read, and the outermost module that is reused with it."""

    often: Mapping[str, int]
    roots: Mapping[str, str]

    def moved(self, path: str, root: str, use: int) -> str:
        """Return a path below a reused module as it is called in one use, counted from 0."""
        return ".".join(filter(None, (root, str(use), path[len(root) :].lstrip("."))))


def _often(snapshot: Snapshot) -> dict[str, int]:
    taken = reads(snapshot)
    if taken is None:
        return {}
    return {
        slot.name: taken[slot.name] // slot.numel
        for slot in snapshot.parameters()
        if slot.numel and slot.region is not None and taken[slot.name] >= 2 * slot.numel
    }


def _roots(snapshot: Snapshot, often: Mapping[str, int]) -> dict[str, str]:
    """Return for each reused slot the outermost module all of whose slots are used as often."""
    under: dict[str, set[int]] = defaultdict(set)
    for slot in snapshot.parameters():
        for path in ancestors(slot.module):
            under[path].add(often.get(slot.name, 1))
    roots = {}
    for slot in snapshot.parameters():
        if slot.name in often:
            even = [path for path in ancestors(slot.module) if path and len(under[path]) == 1]
            roots[slot.name] = even[-1] if even else slot.module
    return roots


def _unrolled(snapshot: Snapshot, uses: _Uses) -> Snapshot:
    tensors: list[Tensor] = []
    copies: list[Tensor] = []
    storages = list(snapshot.storages)
    number = max((slot.object or 0 for slot in snapshot.tensors), default=0)
    for slot in snapshot.tensors:
        if slot.name not in uses.often:
            tensors.append(slot)
            continue
        for use in range(uses.often[slot.name]):
            named = _named(slot, uses, use)
            if not use:
                tensors.append(named)
                continue
            number += 1
            region = Region(len(storages), 0, contiguous(slot.shape))
            copies.append(replace(named, region=region, object=None if slot.object is None else number))
            storages.append(slot.nbytes)
    return replace(
        snapshot,
        tensors=(*tensors, *copies),
        modules=(*snapshot.modules, *_modules(snapshot, uses)),
        storages=tuple(storages),
        steps=_steps(snapshot, uses),
    )


def _named(slot: Tensor, uses: _Uses, use: int) -> Tensor:
    root = uses.roots[slot.name]
    name, module = uses.moved(slot.name, root, use), uses.moved(slot.module, root, use)
    return replace(slot, name=name, module=module)


def _modules(snapshot: Snapshot, uses: _Uses) -> list[Module]:
    """Return the modules of each use, so that heads and classes are known there too."""
    counts = {uses.roots[name]: count for name, count in uses.often.items()}
    return [
        replace(module, path=uses.moved(module.path, root, use), aliases=(), paths=1)
        for root, count in counts.items()
        for use in range(count)
        for module in snapshot.modules
        if module.path == root or module.path.startswith(f"{root}.") or not root
    ]


def _steps(snapshot: Snapshot, uses: _Uses) -> tuple[Step, ...]:
    """Return the steps with each read of a reused slot moved to the slot of that use."""
    seen: Counter[str] = Counter()
    moved = []
    for step in snapshot.steps or ():
        if step.makes or not any(name in uses.often for name, _ in step.reads):
            moved.append(step)
            continue
        taken = []
        for name, numel in step.reads:
            if name in uses.often:
                use = min(seen[name] // snapshot.by_name[name].numel, uses.often[name] - 1)
                seen[name] += numel
                name = uses.moved(name, uses.roots[name], use)
            taken.append((name, numel))
        moved.append(replace(step, reads=tuple(taken)))
    return tuple(moved)
