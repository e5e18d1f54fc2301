"""Parameters that overlap in part: an update of one moves some elements of another."""

from __future__ import annotations

from shareviz.checks._base import Check, Finding, Level, own_line
from shareviz.relations import Relation, between
from shareviz.sharing import TiedGroup, distinct, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, exact, listed


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return one finding for each group of names that share some, but not all, of their elements."""
    unclear = (Relation.PARTIAL, Relation.MAYBE)
    return tuple(_finding(snapshot, group) for group in tied_groups(snapshot) if group.relation in unclear)


CHECK = Check(
    name="partial",
    title="Overlapping views",
    run=run,
    source="safetensors.torch.save_model refuses tensors that share memory only in part; safetensors #202",
)


def _finding(snapshot: Snapshot, group: TiedGroup) -> Finding:
    slots = [snapshot.by_name[name] for name in group.names]
    pair = next(
        (a, b)
        for a in slots
        for b in slots
        if a is not b and (group.relation is Relation.MAYBE or between(a, b) is Relation.PARTIAL)
    )
    first, second = pair
    shared = first.numel + second.numel - distinct(pair)
    if group.relation is Relation.MAYBE:
        how = "may overlap: their strides are too fine to tell exactly"
    else:
        how = f"have {exact(shared)} elements in common"
    return Finding(
        Level.PROBLEM,
        f"{clean(second.name, 60)} overlaps {clean(first.name, 60)}",
        f"{listed(group.names)} {how}. An optimizer moves those more than once a step, and safetensors "
        "refuses to save such a model.",
        names=group.names,
        evidence=f"{clean(first.name, 80)} and {clean(second.name, 80)}: {between(first, second)} "
        f"in a storage of {count(snapshot.storages[group.storage])} bytes.",
        fix=f"import torch\n\n{own_line(second.name)}",
    )
