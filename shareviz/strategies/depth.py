"""Sharing across depth: which stored block each layer runs. All end in a table of rows.

Source:
    Dehghani et al. (2018), arXiv 1807.03819; Lan et al. (2019), arXiv 1909.11942, section 3.1;
    Takase and Kiyono (2021), arXiv 2104.06022, section 2; Reid et al. (2021), arXiv 2101.00234;
    Liu et al. (2024), arXiv 2402.14905 (pairs: a sequence that stores half of the layers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from shareviz.errors import PlanError
from shareviz.layers import Stack, stacks
from shareviz.options import Option
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot
from shareviz.strategies._base import NORMS, PARTS, Strategy, Values, stored, whole
from shareviz.strategies._stacks import Column, columns, kind, share_rows, stacks_of, tie_rows
from shareviz.strategies.embeddings import tie_hint
from shareviz.text import clean, plural

Pattern = Callable[[int], tuple[int, ...]]  # layers → the row of each


def all_rows(layers: int) -> tuple[int, ...]:
    """Return row 0 for every layer."""
    return (0,) * layers


def sequence_rows(layers: int, stored: int) -> tuple[int, ...]:
    """Return the stored row of each layer when neighbours share.

    Example:
        >>> sequence_rows(6, 3)
        (0, 0, 1, 1, 2, 2)
    """
    stored = min(stored, layers)
    return tuple(layer * stored // layers for layer in range(layers))


def cycle_rows(layers: int, stored: int) -> tuple[int, ...]:
    """Return the stored row of each layer when the stored blocks repeat in order.

    Example:
        >>> cycle_rows(6, 3)
        (0, 1, 2, 0, 1, 2)
    """
    return tuple(layer % stored for layer in range(layers))


def reversed_rows(layers: int, stored: int) -> tuple[int, ...]:
    """Return the rows of a cycle whose last round runs backwards; the first round never does.

    Source:
        Takase and Kiyono (2021), arXiv 2104.06022, figure 2, CYCLE (REV).

    Example:
        >>> reversed_rows(9, 3)
        (0, 1, 2, 0, 1, 2, 2, 1, 0)
    """
    turn = layers - stored
    return tuple(
        layer % stored if layer < max(turn, stored) else stored - 1 - (layer - turn) % stored
        for layer in range(layers)
    )


def sandwich_rows(layers: int, ends: int, middle: int) -> tuple[int, ...]:
    """Return rows with `ends` own layers first and last, and a cycle of `middle` blocks between.

    Example:
        >>> sandwich_rows(6, 1, 1), sandwich_rows(8, 2, 2)
        ((0, 1, 1, 1, 1, 2), (0, 1, 2, 3, 2, 3, 4, 5))
    """
    first = tuple(range(ends))
    between = tuple(ends + layer % middle for layer in range(layers - 2 * ends))
    return first + between + tuple(ends + middle + layer for layer in first)


def share_depth(snapshot: Snapshot, values: Values, pattern: Pattern, title: str) -> Plan:
    """Return the plan in which every stack of layers follows a pattern, in the parts that are asked for.

    Raises:
        PlanError: No stack, or none that holds such a part.
    """
    found = depth_stacks(snapshot)
    shared = picked(values)
    if not any(shared(what) for stack in found for what in columns(snapshot, stack).values()):
        raise PlanError(
            f"The repeated layers hold no {values['parts']} weights.", hint="Share both parts instead."
        )
    rewrites = [
        tie_rows(snapshot, stack, share_rows(snapshot, stack, pattern(len(stack.layers)), shared))
        for stack in found
    ]
    return Plan(tuple(chain.from_iterable(rewrites)), title)


def depth_stacks(snapshot: Snapshot) -> tuple[Stack, ...]:
    """Return the stacks of layers.

    Raises:
        PlanError: There are none, or the only block is one module that already runs again and again.
    """
    found = stacks_of(snapshot, "layers")
    if found:
        return found
    for stack in stacks(snapshot):
        if kind(stack) == "layers":
            raise PlanError(
                f"{clean(stack.path(0), 60)} already runs in every layer: no depth is left to share.",
                hint="Start from a model with a block for each layer.",
            )
    raise PlanError(
        "No repeated layers found, so there is nothing to share across depth.",
        hint=tie_hint(snapshot) or "Choose a model with repeated blocks.",
    )


def bounded(stored: int, found: Sequence[Stack]) -> None:
    """Raise where more rows are to be stored than the deepest stack has layers."""
    deepest = max(found, key=lambda stack: len(stack.layers))
    layers = len(deepest.layers)
    if stored > layers:
        raise PlanError(
            f"stored = {stored} is more than {clean(deepest.prefix, 60)} has: {plural(layers, 'layer')}.",
            hint=f"Choose stored from 1 to {layers}.",
        )


def picked(values: Values) -> Callable[[Column], bool]:
    """Return the test of the columns that the options `parts` and `norms` mean."""
    parts, norms = values.get("parts", "both"), values.get("norms", "own")

    def shared(what: Column) -> bool:
        return parts in ("both", what.part) and (not what.norm or norms == "shared")

    return shared


def only(values: Values, title: str) -> str:
    """Return a title with the part that it is limited to and norms that it shares."""
    parts = values.get("parts", "both")
    said = title if parts == "both" else f"{title}, {parts} only"
    return f"{said}, norms too" if values.get("norms") == "shared" else said


def _all_label(values: Values) -> str:
    parts = {"attention": "Attention only", "feed-forward": "Feed-forward only"}
    title = parts.get(str(values["parts"]), "All layers")
    return f"{title}, norms too" if values["norms"] == "shared" else title


def _all(snapshot: Snapshot, values: Values) -> Plan:
    return share_depth(snapshot, values, all_rows, _all_label(values))


def _with_stored(
    pattern: Callable[[int, int], tuple[int, ...]], label: Callable[[Values], str]
) -> Callable[[Snapshot, Values], Plan]:
    """Return the plan function of a pattern of (layers, stored)."""

    def plan(snapshot: Snapshot, values: Values) -> Plan:
        rows = whole(values, "stored")
        bounded(rows, depth_stacks(snapshot))
        return share_depth(snapshot, values, lambda layers: pattern(layers, rows), label(values))

    return plan


def _sequence_label(values: Values) -> str:
    return only(values, f"Sequence {values['stored']}")


def _cycle_label(values: Values) -> str:
    return only(values, f"Cycle {values['stored']}")


def _reversed_label(values: Values) -> str:
    return only(values, f"Cycle {values['stored']} reversed")


def _sandwich_label(values: Values) -> str:
    ends = values["ends"]
    if values["middle"] == 1:
        return only(values, "Sandwich" if ends == 1 else f"Sandwich, {ends} at each end")
    title = f"Middle cycle {values['middle']}"
    return only(values, title if ends == 1 else f"{title}, {ends} at each end")


def _sandwich(snapshot: Snapshot, values: Values) -> Plan:
    ends, middle = whole(values, "ends"), whole(values, "middle")
    deepest = max(len(stack.layers) for stack in depth_stacks(snapshot))
    if 2 * ends + middle > deepest:
        raise PlanError(
            f"Twice ends = {ends} and middle = {middle} are more than {plural(deepest, 'layer')}.",
            hint=f"Choose ends up to {max(0, (deepest - 2) // 2)}, and middle for less than what is left.",
        )

    if 2 * ends + middle == deepest:
        raise PlanError(
            f"With ends = {ends} and middle = {middle}, all {deepest} layers keep their own block.",
            hint="Choose fewer ends, a smaller middle, or a deeper model.",
        )

    def pattern(layers: int) -> tuple[int, ...]:
        return sandwich_rows(layers, ends, middle) if 2 * ends < layers else tuple(range(layers))

    return share_depth(snapshot, values, pattern, _sandwich_label(values))


_SOURCE = "Takase and Kiyono (2021), arXiv 2104.06022, section 2"


STRATEGIES = (
    Strategy(
        "all",
        "All layers",
        "One stored block runs in every layer.",
        (PARTS, NORMS),
        _all,
        _all_label,
        "Dehghani et al. (2018), arXiv 1807.03819; Lan et al. (2019), arXiv 1909.11942, section 3.1",
    ),
    Strategy(
        "sequence",
        "Sequence",
        "Neighbouring layers run one stored block: 0 0 1 1 2 2. Storing half of the layers makes pairs.",
        (stored(), PARTS, NORMS),
        _with_stored(sequence_rows, _sequence_label),
        _sequence_label,
        _SOURCE,
    ),
    Strategy(
        "cycle",
        "Cycle",
        "The stored blocks repeat in order: 0 1 2 0 1 2.",
        (stored(), PARTS, NORMS),
        _with_stored(cycle_rows, _cycle_label),
        _cycle_label,
        _SOURCE,
    ),
    Strategy(
        "reversed",
        "Cycle reversed",
        "A cycle whose last round runs backwards: 0 1 2 2 1 0.",
        (stored(), PARTS, NORMS),
        _with_stored(reversed_rows, _reversed_label),
        _reversed_label,
        _SOURCE,
    ),
    Strategy(
        "sandwich",
        "Sandwich",
        "The first and last layers keep their own block, those between share one, or cycle through a few: "
        "then it is called middle cycle.",
        (
            Option(
                "ends",
                "Own at each end",
                1,
                0,
                32,
                help="How many first and last layers share nothing.",
            ),
            Option("middle", "Stored between", 1, 1, 64, help="How many blocks the middle cycles through."),
            PARTS,
            NORMS,
        ),
        _sandwich,
        _sandwich_label,
        "Reid et al. (2021), arXiv 2101.00234, section 3; Bae et al. (2025), arXiv 2507.10524, middle-cycle",
    ),
)
