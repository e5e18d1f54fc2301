"""Time: one cell for every step of a sequence, against a cell for each."""

from __future__ import annotations

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact


def _model(steps: int) -> str:
    return f"gru_classifier?steps={steps}&width=16"


def _scene(steps: int) -> tuple[Snapshot, Snapshot]:
    return base.scene(_model(steps), "time")


def _show(value: Value) -> base.Shown:
    steps = base.whole(value)
    before, after = _scene(steps)
    one, many = exact(base.stored(after)), exact(base.stored(before))
    labels = tuple(map(str, range(1, steps + 1))) if steps <= 24 else ()
    return base.Shown(
        title=f"One cell instead of {steps} stores {one} parameters instead of {many}",
        model=_model(steps),
        design="time",
        before=base.Tiles("A cell for each step", base.layer_uses(before, "weight_hh"), 12, labels),
        after=base.Tiles("One cell, every step", base.layer_uses(after, "weight_hh"), 12, labels),
        bars=base.usual_bars(before, after),
    )


def _twice(value: Value) -> tuple[int, int]:
    steps = base.whole(value)
    return base.stored(_scene(steps)[1]), base.stored(_scene(2 * steps)[1])


def _why(value: Value) -> str:
    steps = base.whole(value)
    small, large = _twice(value)
    many = base.stored(_scene(2 * steps)[0])
    return (
        f"{exact(small)} parameters for {steps} steps, {exact(large)} for {2 * steps}. A cell for each step "
        f"would need {exact(many)}, and has none for the step after the last."
    )


LESSON = base.Lesson(
    name="time",
    title="Time: one cell, every step",
    question="What does a recurrent network share, and what does that buy?",
    option=Option("steps", "Steps", 12, 2, 48, help="How long the sequence is."),
    show=_show,
    mini=base.Tiles("One cell at 8 steps", (0,) * 8, 8),
    predict=base.Prediction(
        "The sequence becomes twice as long. What happens to the parameters of the model with one cell?",
        base.GROWTH,
        lambda value: base.growth(*_twice(value)),
        _why,
    ),
    claims=(
        base.Claim(
            "The size of a GRU does not depend on the length of the sequence.",
            base.Verdict.HOLDS,
            "It has 3·(h·i + h² + 2h) parameters for i inputs and width h, at any length. The activations "
            "that training keeps do grow with the length, and a learned position table would break the "
            "rule.",
            "Cho et al. (2014), arXiv 1406.1078, section 2.3; torch.nn.GRU, which has two biases",
        ),
        base.Claim(
            "One cell for all steps generalises to longer sequences.",
            base.Verdict.DEPENDS,
            "It does where the rule is the same at every step, as in parity below. Where the answer grows "
            "with the length, a state of fixed size need not follow: sharing the cell is no guarantee.",
            "The saved run below",
        ),
    ),
    breaks=(
        "Rules that change from step to step: a cell that is always the same must count by itself.",
        "Memory in training: the activations of every step are kept.",
        "Work: the one cell runs as often as the twelve did.",
    ),
    sources=(
        "Elman (1990), Finding structure in time",
        "Cho et al. (2014), arXiv 1406.1078: the gated recurrent unit",
    ),
    saved="parity",
    saved_says="Trained on 12 steps, tested on 48. A dot is one seed.",
)
