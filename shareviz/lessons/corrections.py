"""Corrections: a shared block and a small change of low rank for each layer."""

from __future__ import annotations

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact

_MODEL = "language_model?layers=6&width=256&heads=4&vocab=1000"
_PIECE = "parametrizations.weight.original"


def _scene(rank: int) -> tuple[Snapshot, Snapshot]:
    return base.scene(_MODEL, f"relaxed?stored=1&rank={rank}")


def _bases(snapshot: Snapshot) -> tuple[int, ...]:
    """Return the number of the stored base that each layer's feed-forward matrix adds its change to."""
    storages = []
    for layer in range(6):
        piece = snapshot.by_name.get(f"blocks.{layer}.ffn.up.{_PIECE}")
        region = (piece or snapshot.by_name[f"blocks.{layer}.ffn.up.weight"]).region
        storages.append(region.storage if region is not None else -1 - layer)
    return base.dense(storages)


def _show(value: Value) -> base.Shown:
    rank = base.whole(value)
    before, after = _scene(rank)
    labels = tuple(str(layer) for layer in range(6))
    one, many = exact(base.stored(after)), exact(base.stored(before))
    return base.Shown(
        title=f"One block and a change of rank {rank} in each layer: {one} parameters instead of {many}",
        model=_MODEL,
        design=f"relaxed?stored=1&rank={rank}",
        before=base.Tiles("A block for each layer", _bases(before), 6, labels),
        after=base.Tiles("One block, each layer adds its change", _bases(after), 6, labels),
        bars=base.usual_bars(before, after),
    )


_CHOICES = ("It stays the same", "It doubles", "It grows, but less than twofold")


def _grows(value: Value) -> tuple[int, int]:
    rank = base.whole(value)
    return base.stored(_scene(rank)[1]), base.stored(_scene(2 * rank)[1])


def _predicted(value: Value) -> str:
    old, new = _grows(value)
    return _CHOICES[0] if old == new else _CHOICES[2] if new < 1.9 * old else _CHOICES[1]


def _why(value: Value) -> str:
    rank = base.whole(value)
    old, new = _grows(value)
    return f"{exact(old)} at rank {rank}, {exact(new)} at {2 * rank}: the block stays, only the changes grow."


LESSON = base.Lesson(
    name="corrections",
    title="Corrections: shared, plus a little",
    question="How can layers share a block and still differ?",
    option=Option("rank", "Rank", 8, 1, 64, help="How large the change of each layer is."),
    show=_show,
    mini=base.Tiles("One base in 6 layers", (0,) * 6, 6),
    predict=base.Prediction(
        "The rank of every change doubles. What happens to the parameters of the model?",
        _CHOICES,
        _predicted,
        _why,
    ),
    claims=(
        base.Claim(
            "LoRA shares one low-rank change across all positions.",
            base.Verdict.WRONG,
            "Every linear layer is the same at all positions. LoRA has a pair of matrices for each adapted "
            "weight of each layer, and shares none of them. What does share: VeRA, whose random matrices "
            "serve all layers, and one base with many adapters.",
            "Hu et al. (2021), arXiv 2106.09685; Kopiczko et al. (2023), arXiv 2310.11454",
        ),
        base.Claim(
            "Small corrections recover what sharing loses.",
            base.Verdict.DEPENDS,
            "A recursive Gemma with corrections of rank 512 came to 58.4 of the full model's 58.6 points, "
            "after further training. An equal number of parameters in a second stored block is the control "
            "to beat.",
            "Bae et al. (2024), arXiv 2410.20672",
        ),
    ),
    breaks=(
        "The full matrix is made at each access: storage shrinks, memory in a pass does not.",
        "A high rank: the changes then store more than layers of their own.",
    ),
    sources=(
        "Bae et al. (2024), arXiv 2410.20672: relaxed recursive transformers",
        "Hu et al. (2021), arXiv 2106.09685: LoRA",
    ),
    saved="sort24",
    saved_says=(
        "One block in four layers with corrections, beside two blocks that take turns, as many parameters. "
        "A dot is one seed."
    ),
    pair=("rank5", "cycle2"),
)
