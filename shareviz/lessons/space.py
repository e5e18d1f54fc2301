"""Space: one kernel for every position of an image, against a kernel for each."""

from __future__ import annotations

from math import isqrt

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact

_LARGEST = 32


def _scene(side: int) -> tuple[Snapshot, Snapshot]:
    return base.scene(f"conv_classifier?image={side}", "space")


def _show(value: Value) -> base.Shown:
    side = base.whole(value)
    before, after = _scene(side)
    positions = before.by_name["conv1.weight"].shape[0]
    columns = isqrt(positions)
    one, many = base.stored(after), base.stored(before)
    return base.Shown(
        title=f"One kernel for all positions stores {exact(one)} parameters instead of {exact(many)}",
        model=f"conv_classifier?image={side}",
        design="space",
        before=base.Tiles("A kernel for each position", tuple(range(positions)), columns),
        after=base.Tiles("A convolution", base.block_uses(after, "conv1.weight", positions), columns),
        bars=base.usual_bars(before, after),
    )


def _twice(value: Value) -> tuple[int, int]:
    side = base.whole(value)
    return base.stored(_scene(side)[1]), base.stored(_scene(2 * side)[1])


def _why(value: Value) -> str:
    small, large = _twice(value)
    side = base.whole(value)
    local = base.stored(_scene(2 * side)[0])
    return (
        f"{exact(small)} parameters for {side}×{side} pixels, {exact(large)} for {2 * side}×{2 * side}. "
        f"With a kernel for each position the larger image needs {exact(local)}. The work grows in both "
        "cases."
    )


LESSON = base.Lesson(
    name="space",
    title="Space: one kernel, every position",
    question="What does a convolution share, and what does that buy?",
    option=Option("image", "Image side", 16, 6, _LARGEST, step=2, help="How many pixels wide the image is."),
    show=_show,
    mini=base.Tiles("One kernel at 16 positions", (0,) * 16, 8),
    predict=base.Prediction(
        "The image becomes twice as wide and twice as high. What happens to the parameters of the "
        "convolution?",
        base.GROWTH,
        lambda value: base.growth(*_twice(value)),
        _why,
    ),
    claims=(
        base.Claim(
            "A shared kernel makes a network recognise a shifted object.",
            base.Verdict.CONDITION,
            "Only if what follows forgets the position too. A head that pools over positions can do it; a "
            "flat head has weights for each position and must have seen the object there.",
            "LeCun et al. (1989), Generalization and network design strategies, section 5; "
            "Elsayed et al. (2020), arXiv 2002.02959; the saved run below",
        ),
        base.Claim(
            "Conv2d(3, 64, 3) has 1,792 parameters, whatever the size of the image.",
            base.Verdict.HOLDS,
            "3 · 64 · 9 weights and 64 biases. The work and the activations do grow with the image, and so "
            "does a linear layer after a flatten.",
            "The definition of a convolution",
        ),
    ),
    breaks=(
        "Aligned pictures, such as faces, where a position has a meaning: locally connected layers of low "
        "rank can do better than both.",
        "Training on shifted copies: then the sharing is not strictly needed.",
        "Work: every position still multiplies by the kernel.",
    ),
    sources=(
        "LeCun et al. (1989), Generalization and network design strategies",
        "Ott et al. (2019), arXiv 1909.11483: learning in the visual cortex without weight sharing",
        "Elsayed et al. (2020), arXiv 2002.02959: revisiting spatial invariance",
    ),
    saved="shifted",
    saved_says="Trained on digits in columns 0–4, asked about columns 5–8. A dot is one seed.",
)
