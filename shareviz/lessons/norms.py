"""Norms: shared weights, and whether each layer keeps a norm of its own."""

from __future__ import annotations

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact

_MODEL = "encoder?vocab=30000"
_OWN, _SHARED = "own", "shared"


def _stored(norms: str) -> int:
    return base.stored(base.scene(_MODEL, f"all?norms={norms}")[1])


def _uses(snapshot: Snapshot) -> tuple[int, ...]:
    """Return what each layer uses: a row of feed-forward matrices, and below it a row of norms."""
    weights, norms = (base.layer_uses(snapshot, column) for column in ("ffn.up.weight", "norm1.weight"))
    return (*weights, *(max(weights) + 1 + norm for norm in norms))


def _show(value: Value) -> base.Shown:
    norms = str(value)
    design = f"all?norms={norms}"
    before, after = base.scene(_MODEL, design)
    labels = ("W",) * 12 + ("n",) * 12
    word = "a norm for each layer" if norms == _OWN else "one norm for all"
    return base.Shown(
        title=f"One block with {word} stores {exact(base.stored(after))} parameters",
        model=_MODEL,
        design=design,
        before=base.Tiles("Weights (W) and norms (n), a row each", _uses(before), 12, labels),
        after=base.Tiles(f"One block, {word}", _uses(after), 12, labels),
        bars=base.usual_bars(before, after),
    )


_CHOICES = ("About a third of the model", "About a thirtieth", "About a thousandth")


def _predicted(value: Value) -> str:
    share = (_stored(_OWN) - _stored(_SHARED)) / _stored(_OWN)
    return _CHOICES[0] if share > 0.1 else _CHOICES[1] if share > 0.01 else _CHOICES[2]


def _why(value: Value) -> str:
    own, shared = _stored(_OWN), _stored(_SHARED)
    return (
        f"{exact(own - shared)} of {exact(own)} parameters: eleven norms more cost next to nothing, so they "
        "are kept apart by default."
    )


LESSON = base.Lesson(
    name="norms",
    title="Norms: what to leave apart",
    question="Layers share their weights. Should each keep a norm of its own?",
    option=Option("norms", "Norms", _OWN, choices=(_OWN, _SHARED), help="Whether layers keep their norms."),
    show=_show,
    mini=base.Tiles("One block, a norm for each layer", (0,) * 8 + tuple(range(1, 9)), 8),
    predict=base.Prediction(
        "One block is shared by twelve layers. How much of the model are eleven norms more?",
        _CHOICES,
        _predicted,
        _why,
    ),
    claims=(
        base.Claim(
            "Share the weights, but never the norms.",
            base.Verdict.CONDITION,
            "A good default, not a law: ALBERT, universal transformers and the order study share their "
            "norms too. Vision transformers keep them apart. The clear hazard is another one: running "
            "statistics of BatchNorm, which no layers should share.",
            "Lan et al. (2019), arXiv 1909.11942; Zhang et al. (2022), arXiv 2204.07154",
        ),
    ),
    breaks=(
        "BatchNorm in a shared block: in evaluation every place is normalised by a mixed mean. Checks "
        "finds it.",
        "Learned gains on the residual, step and loop embeddings: keep those apart as well.",
    ),
    sources=(
        "Lan et al. (2019), arXiv 1909.11942: ALBERT",
        "Zhang et al. (2022), arXiv 2204.07154: MiniViT, weights shared, norms apart",
    ),
    saved="norms",
    saved_says="One block in four layers, with norms of each layer's own or shared. A dot is one seed.",
    pair=("all?norms=own", "all?norms=shared"),
)
