"""Towers: one encoder for both sides of a pair."""

from __future__ import annotations

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact


def _model(layers: int) -> str:
    return f"siamese?layers={layers}"


def _scene(value: Value) -> tuple[Snapshot, Snapshot]:
    return base.scene(_model(base.whole(value)), "siamese")


def _show(value: Value) -> base.Shown:
    before, after = _scene(value)
    labels = ("left side", "right side")
    one, many = exact(base.stored(after)), exact(base.stored(before))
    return base.Shown(
        title=f"One tower for both sides stores {one} parameters instead of {many}",
        model=_model(base.whole(value)),
        design="siamese",
        before=base.Tiles("A tower for each side", base.layer_uses(before, "layers.0.weight"), 2, labels),
        after=base.Tiles("One tower, both sides", base.layer_uses(after, "layers.0.weight"), 2, labels),
        bars=base.usual_bars(before, after),
    )


_CHOICES = ("Half the work", "The same work", "Twice the work")


def _work(value: Value) -> str:
    before, after = _scene(value)
    ratio = base.flops(after) / base.flops(before)
    return _CHOICES[1] if ratio == 1 else _CHOICES[0 if ratio < 1 else 2]


def _why(value: Value) -> str:
    before, after = _scene(value)
    one, two = exact(base.flops(after)), exact(base.flops(before))
    return f"{one} FLOPs with one tower, {two} with two: it runs twice."


LESSON = base.Lesson(
    name="towers",
    title="Towers: one encoder, both sides",
    question="What do the two sides of a comparison share?",
    option=Option("layers", "Layers", 2, 1, 8, help="How deep a tower is."),
    show=_show,
    mini=base.Tiles("One tower for two sides", (0, 0), 2),
    predict=base.Prediction("One tower in place of two. How much work is a pass?", _CHOICES, _work, _why),
    claims=(
        base.Claim(
            "An image encoder and a text encoder need weights of their own.",
            base.Verdict.DEPENDS,
            "That is a habit, not a rule. One tower for both does almost as well with half the parameters "
            "when text is drawn as pixels, and a mostly shared pair can do better than two. Input layers "
            "and norms are best left apart.",
            "Tschannen et al. (2022), arXiv 2212.08045; You et al. (2022), arXiv 2207.12661",
        ),
    ),
    breaks=(
        "Sides that play different roles, such as a short question and a long document.",
        "Statistics that differ: then norms and input layers must not be shared.",
    ),
    sources=(
        "Bromley et al. (1993), signature verification by a Siamese time delay network",
        "Tschannen et al. (2022), arXiv 2212.08045: image and language understanding from pixels only",
    ),
    saved="pairs",
    saved_says="Two hundred pairs of digits: the same one or not? A dot is one seed.",
)
