"""Depth: one block for all layers, and why "12 times smaller" is three different numbers."""

from __future__ import annotations

from math import log

from shareviz.layers import passes, sharing_map, stacks
from shareviz.lessons import _base as base
from shareviz.models import snapshot_of
from shareviz.options import Option, Value
from shareviz.sharing import distinct
from shareviz.snapshot import Snapshot
from shareviz.text import exact, smaller

_MODEL = "encoder?vocab=30000"  # BERT-base with ALBERT's vocabulary
_ALBERT = "albert-base"
_SHARED = "all?norms=shared"
_STACK, _WHOLE, _BOTH = "the stack", "the whole model", "ALBERT, narrow tables too"


def _scene(part: str) -> tuple[Snapshot, Snapshot]:
    if part == _BOTH:
        return snapshot_of(_MODEL), base.example(_ALBERT)
    return base.scene(_MODEL, _SHARED)


def _in_stack(snapshot: Snapshot) -> int:
    names = {name for stack in stacks(snapshot) for name in stack.slots()}
    return distinct(slot for slot in snapshot.parameters() if slot.name in names)


def _counts(part: str) -> tuple[int, int]:
    """Return what is stored without and with sharing, of the part that the turn names."""
    measure = _in_stack if part == _STACK else base.stored
    before, after = _scene(part)
    return measure(before), measure(after)


def _uses(snapshot: Snapshot) -> tuple[int, ...]:
    """Return the number of the stored block that each pass of the stack runs."""
    (stack,) = stacks(snapshot)
    first = next(
        column for column in stack.columns if column.endswith("weight") and "norm" not in column.lower()
    )
    rows = sharing_map(snapshot, stack).row(first)
    return base.dense(
        row for row in (rows[position] for position in passes(snapshot, stack)) if row is not None
    )


def _show(value: Value) -> base.Shown:
    part = str(value)
    before, after = _scene(part)
    old, new = _counts(part)
    layers = _uses(before)
    said = {
        _STACK: f"The stack alone shrinks {smaller(old, new)}",
        _WHOLE: f"The whole model shrinks {smaller(old, new)} by sharing alone",
        _BOTH: f"ALBERT, with narrow tables too, is {smaller(old, new)}",
    }
    labels = tuple(str(layer) for layer in range(len(layers)))
    counted = "Stored in the stack" if part == _STACK else "Stored"
    return base.Shown(
        title=f"{said[part]}: {exact(new)} parameters instead of {exact(old)}",
        model=_ALBERT if part == _BOTH else _MODEL,
        design="" if part == _BOTH else _SHARED,
        before=base.Tiles("A block for each layer", layers, 12, labels),
        after=base.Tiles("One block, every layer", _uses(after), 12, labels),
        bars=(base.Bar(counted, old, new), base.usual_bars(before, after)[1]),
    )


_CHOICES = {"12 times": 12.0, "About 6 times": 6.0, "About 3.5 times": 3.5}


def _nearest(value: Value) -> str:
    old, new = _counts(_WHOLE)
    return min(_CHOICES, key=lambda choice: abs(log(old / new / _CHOICES[choice])))


def _why(value: Value) -> str:
    (old, new), (stack, one) = _counts(_WHOLE), _counts(_STACK)
    return (
        f"The stack shrinks {smaller(stack, one)}, from {exact(stack)} to {exact(one)}. But the tables "
        f"stay: the whole model goes from {exact(old)} to {exact(new)}, {smaller(old, new)}. The work of a "
        "pass is the same."
    )


LESSON = base.Lesson(
    name="depth",
    title="Depth: one block, every layer",
    question="How much smaller is a model whose layers share one block?",
    option=Option(
        "part", "Count", _STACK, choices=(_STACK, _WHOLE, _BOTH), help="Of what the ratio is taken."
    ),
    show=_show,
    mini=base.Tiles("One block in 12 layers", (0,) * 12, 12),
    predict=base.Prediction(
        "Twelve layers share one block. How much smaller is the whole model, tables and all?",
        tuple(_CHOICES),
        _nearest,
        _why,
    ),
    claims=(
        base.Claim(
            "ALBERT is 12 times smaller than BERT, because its layers share.",
            base.Verdict.WRONG,
            "12 is the stack alone. The published models are 108 and 12 million parameters, 9 times apart; "
            "of that, sharing gives 3.5 and the narrow tables the rest. And a pass is as much work as "
            "before.",
            "Lan et al. (2019), arXiv 1909.11942, tables 1 and 4",
        ),
        base.Claim(
            "Sharing all layers costs a severe drop in quality.",
            base.Verdict.DEPENDS,
            "ALBERT loses 1.5 points on average with a narrow table, 2.5 with a wide one. Vision "
            "transformers become unstable without small transforms of their own. At equal parameters "
            "shared depth usually wins, at equal compute it loses.",
            "Lan et al. (2019), arXiv 1909.11942, table 4; Zhang et al. (2022), arXiv 2204.07154; "
            "Liu et al. (2024), arXiv 2402.14905",
        ),
    ),
    breaks=(
        "Time and energy: every layer still runs.",
        "Knowledge: looped layers gain in reasoning more than in what they can store.",
        "A fixed learning rate: with the best rate for each, the order of the versions can flip.",
    ),
    sources=(
        "Lan et al. (2019), arXiv 1909.11942: ALBERT",
        "Dehghani et al. (2018), arXiv 1807.03819: universal transformers",
        "Takase and Kiyono (2021), arXiv 2104.06022: lessons on parameter sharing across layers",
    ),
    saved="brackets",
    saved_says="Four layers: own, shared, a cycle of 2; and a single layer to compare. A dot is one seed.",
)
