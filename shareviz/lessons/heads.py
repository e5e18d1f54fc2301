"""Heads: groups of query heads that share one key and one value head."""

from __future__ import annotations

from math import log

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact

_HEADS = 8
_MODEL = f"language_model?layers=4&width=512&heads={_HEADS}&vocab=1000"
_CHOICES = ("4", "2", "1")


def _scene(kv_heads: str) -> tuple[Snapshot, Snapshot]:
    return base.scene(_MODEL, f"gqa?kv_heads={kv_heads}")


def _show(value: Value) -> base.Shown:
    kv_heads = str(value)
    before, after = _scene(kv_heads)
    name = "blocks.0.attention.k.weight"
    labels = tuple(f"q{head}" for head in range(1, _HEADS + 1))
    noun = "key head" if kv_heads == "1" else "key heads"
    one, many = exact(base.stored(after)), exact(base.stored(before))
    return base.Shown(
        title=f"{kv_heads} {noun} for {_HEADS} query heads: {one} parameters instead of {many}",
        model=_MODEL,
        design=f"gqa?kv_heads={kv_heads}",
        before=base.Tiles("A key head for each query", base.block_uses(before, name, _HEADS), _HEADS, labels),
        after=base.Tiles(f"{kv_heads} {noun}", base.block_uses(after, name, _HEADS), _HEADS, labels),
        bars=base.usual_bars(before, after),
    )


_PREDICTED = {"About a half": 1 / 2, "About a quarter": 1 / 4, "About a tenth": 1 / 10}


def _predicted(value: Value) -> str:
    before, after = _scene(str(value))
    share = 1 - base.stored(after) / base.stored(before)
    return min(_PREDICTED, key=lambda choice: abs(log(share / _PREDICTED[choice])))


def _why(value: Value) -> str:
    before, after = _scene(str(value))
    saved = base.stored(before) - base.stored(after)
    return (
        f"{exact(saved)} of {exact(base.stored(before))}: only the key and value projections shrink. What "
        f"people want is the smaller cache, {_HEADS // int(str(value))} times fewer keys and values for "
        "each token; it is a sharing of activations, and needs a model that keeps only those heads."
    )


LESSON = base.Lesson(
    name="heads",
    title="Heads: many queries, few keys",
    question="What do grouped key and value heads share?",
    option=Option(
        "kv_heads", "Key heads", "2", choices=_CHOICES, help="How many key and value heads are kept."
    ),
    show=_show,
    mini=base.Tiles("Two key heads for 8 query heads", (0, 0, 0, 0, 1, 1, 1, 1), 8),
    predict=base.Prediction(
        "What part of the model's parameters do grouped heads save?", tuple(_PREDICTED), _predicted, _why
    ),
    claims=(
        base.Claim(
            "Attention heads share nothing: each has projections of its own.",
            base.Verdict.CONDITION,
            "True of plain multi-head attention. Multi-query and grouped-query attention share key and value "
            "heads, latent attention shares one compressed state, and some models share keys across layers.",
            "Shazeer (2019), arXiv 1911.02150; Ainslie et al. (2023), arXiv 2305.13245; "
            "Brandon et al. (2024), arXiv 2405.12981",
        ),
    ),
    breaks=(
        "Parameters: the saving is small. The cache is what shrinks.",
        "The work of attention scores: it stays the same.",
        "One key head for all: quality and stability suffer in large models.",
    ),
    sources=(
        "Shazeer (2019), arXiv 1911.02150: one write-head is all you need",
        "Ainslie et al. (2023), arXiv 2305.13245: grouped-query attention",
    ),
    saved="heads",
    saved_says="Four query heads with four, two and one key heads. A dot is one seed.",
    pair=("gqa?kv_heads=1", "none"),
)
