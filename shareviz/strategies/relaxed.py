"""Layers that share a base and differ by a correction of low rank: relaxed recursive Transformers.

Source:
    Bae et al. (2024), arXiv 2410.20672, section 2.
"""

from __future__ import annotations

from shareviz.errors import PlanError
from shareviz.forms import LowRank
from shareviz.layers import Row, Stack
from shareviz.options import Option
from shareviz.plan import Plan, Rewrite
from shareviz.snapshot import Snapshot
from shareviz.strategies._base import NORMS, Strategy, Values, stored, whole
from shareviz.strategies._stacks import columns, share_rows, tie_rows
from shareviz.strategies.depth import bounded, cycle_rows, depth_stacks, picked, sequence_rows
from shareviz.text import clean


def _relaxed(snapshot: Snapshot, values: Values) -> Plan:
    rows, rank = whole(values, "stored"), whole(values, "rank")
    pattern = cycle_rows if values["order"] == "cycle" else sequence_rows
    found = depth_stacks(snapshot)
    bounded(rows, found)
    rewrites: list[Rewrite] = []
    for stack in found:
        table = share_rows(snapshot, stack, pattern(len(stack.layers), rows), picked(values))
        rewrites += _stack_rewrites(snapshot, stack, table, LowRank(rank))
    return Plan(tuple(rewrites), _label(values))


def _stack_rewrites(
    snapshot: Snapshot, stack: Stack, table: tuple[tuple[Row, ...], ...], form: LowRank
) -> list[Rewrite]:
    """Return ties for vectors and, for every matrix that follows the pattern, a base and a correction."""
    ties = {rewrite.name: rewrite for rewrite in tie_rows(snapshot, stack, table)}
    parts = columns(snapshot, stack)
    for column, rows in zip(stack.columns, table, strict=True):
        names = stack.column(column)
        _refuse_reused(stack, names)
        if parts[column].norm or parts[column].fixed:
            continue
        for name, row in zip(names, rows, strict=True):
            if name is None or row is None or len(_shape(snapshot, name)) < 2:
                continue
            owner = names[row]
            reads = () if owner in (None, name) else (("base", str(owner)),)
            ties[name] = Rewrite(name, form, reads)
    return list(ties.values())


def _refuse_reused(stack: Stack, names: tuple[str | None, ...]) -> None:
    kept = [name for name in names if name is not None]
    if len(set(kept)) < len(kept):
        raise PlanError(
            f"Layers of {clean(stack.prefix, 60)} are one module object and cannot differ by a correction.",
            hint="Start from a model that builds each layer anew.",
        )


def _shape(snapshot: Snapshot, name: str) -> tuple[int, ...]:
    slot = snapshot.by_name.get(name)
    if slot is None:
        raise PlanError(f"{clean(name, 80)} is already made of pieces.", hint="Put one form on a name.")
    return slot.shape


def _label(values: Values) -> str:
    order = "Cycle" if values["order"] == "cycle" else "Sequence"
    said = f"{order} {values['stored']} + rank {values['rank']}"
    return f"{said}, norms too" if values["norms"] == "shared" else said


STRATEGIES = (
    Strategy(
        "relaxed",
        "Relaxed recursion",
        "Layers share a stored block, and each adds a correction of low rank of its own.",
        (
            stored(),
            Option("rank", "Rank", 8, 1, 4096, help="How many columns each layer's own correction has."),
            Option(
                "order",
                "Order",
                "cycle",
                choices=("cycle", "sequence"),
                help="Whether the stored blocks repeat in order or neighbours share.",
            ),
            NORMS,
        ),
        _relaxed,
        _label,
        "Bae et al. (2024), arXiv 2410.20672, section 2",
        forms=True,
    ),
)
