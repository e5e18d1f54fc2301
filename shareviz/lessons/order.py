"""Order: a few stored blocks for many layers, in one order or another."""

from __future__ import annotations

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.text import exact

_MODEL = "language_model?layers=12&width=256&heads=4&vocab=1000"
_STORED = 3
_ORDERS = {"in sequence": "sequence", "in a cycle": "cycle", "in a cycle, last round reversed": "reversed"}


def _design(order: str) -> str:
    return f"{_ORDERS[order]}?stored={_STORED}&norms=shared"


def _show(value: Value) -> base.Shown:
    order = str(value)
    before, after = base.scene(_MODEL, _design(order))
    layers = base.layer_uses(before, "ffn.up.weight")
    labels = tuple(str(layer) for layer in range(len(layers)))
    one, many = exact(base.stored(after)), exact(base.stored(before))
    return base.Shown(
        title=f"{_STORED} blocks {order} store {one} parameters instead of {many}",
        model=_MODEL,
        design=_design(order),
        before=base.Tiles("A block for each layer", layers, 12, labels),
        after=base.Tiles(f"{_STORED} blocks {order}", base.layer_uses(after, "ffn.up.weight"), 12, labels),
        bars=base.usual_bars(before, after),
    )


_CHOICES = ("In sequence", "In a cycle", "In a cycle, last round reversed", "All the same")


def _fewest(value: Value) -> str:
    counts = [base.stored(base.scene(_MODEL, _design(order))[1]) for order in _ORDERS]
    return _CHOICES[3] if len(set(counts)) == 1 else _CHOICES[counts.index(min(counts))]


def _why(value: Value) -> str:
    _, after = base.scene(_MODEL, _design(str(value)))
    return (
        f"{exact(base.stored(after))} parameters in every order: the order decides which layer runs which "
        "block, not how many are stored."
    )


LESSON = base.Lesson(
    name="order",
    title="Order: three blocks, twelve layers",
    question="Does it matter in which order the stored blocks are used?",
    option=Option(
        "order", "Order", "in a cycle", choices=tuple(_ORDERS), help="Which layer runs which block."
    ),
    show=_show,
    mini=base.Tiles("Three blocks in a cycle", (0, 1, 2) * 4, 12),
    predict=base.Prediction("Which order stores the fewest parameters?", _CHOICES, _fewest, _why),
    claims=(
        base.Claim(
            "A cycle with its last round reversed is the best order.",
            base.Verdict.DEPENDS,
            "In translation with 18 layers it scored 27.31 BLEU, the cycle 27.25, the sequence 27.02; with "
            "12 layers the sequence came first. The differences are small, and a tuned learning rate can "
            "turn them.",
            "Takase and Kiyono (2021), arXiv 2104.06022",
        ),
    ),
    breaks=(
        "Many layers and few blocks: the first and the last layer often need a block of their own.",
        "Hardware: neighbours that share stay in the cache, a cycle does not.",
    ),
    sources=(
        "Takase and Kiyono (2021), arXiv 2104.06022: lessons on parameter sharing across layers",
        "Reid et al. (2021), arXiv 2101.00234: Subformer, the sandwich",
        "Liu et al. (2024), arXiv 2402.14905: MobileLLM, neighbours that share",
    ),
    saved="orders",
    saved_says="Two blocks in four layers, in three orders, beside a block for each. A dot is one seed.",
    pair=("cycle?stored=2&norms=shared", "sequence?stored=2&norms=shared"),
)
