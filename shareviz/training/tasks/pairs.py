"""Are these two the same digit? One tower for both sides of a pair, or a tower for each."""

from __future__ import annotations

import functools
from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _digits as source

PAIRS = 200  # to train on, half of them the same digit
_TESTED = 1000
_SIZE = 32
_MODEL = "siamese?"


def _drawn(count: int, part: str, *key: int | str) -> base.Batch:
    """Return pairs of pictures, (n, 2, 64), and whether they show one digit; every second pair does."""
    draw, known = base.generator("pairs", part, *key), source.parts()[part]
    same = np.arange(count) % 2
    left = draw.integers(0, source.CLASSES, count)
    right = np.where(same, left, (left + draw.integers(1, source.CLASSES, count)) % source.CLASSES)
    # picture k of digit d stands at 10 · k + d
    places = np.stack((left, right), axis=1) + source.CLASSES * draw.integers(
        0, source.EACH[part], (count, 2)
    )
    return base.Batch(known.images.reshape(len(known.labels), -1)[places], same)


@functools.cache
def _known() -> base.Batch:
    return _drawn(PAIRS, "train")


def _train(seed: int, step: int) -> base.Batch:
    chosen = base.generator("pairs", "train", seed, step).choice(PAIRS, _SIZE, replace=False)
    return base.Batch(_known().inputs[chosen], _known().targets[chosen])


def _solve(inputs: base.Array) -> base.Array:
    """Take the digit of the nearest picture on each side, and say whether the two are one."""
    left, right = (source.nearest(inputs[:, side]) for side in (0, 1))
    return np.where(left == right, 1.0, -1.0)


TASK = base.Task(
    name="pairs",
    title="Pairs of digits",
    question="Do both sides of a pair need a tower of their own?",
    over="towers",
    model=_MODEL,
    versions={
        "none": base.Version("Two towers", base.unshared),
        "one": base.Version("One tower", base.under("siamese")),
        "narrow": base.Version(
            "Two narrow towers",
            base.unshared,
            "siamese?width=19",
            "As many stored parameters as one tower.",
        ),
        "wide": base.Version(
            "One wide tower",
            base.under("siamese"),
            "siamese?width=53",
            "As many stored parameters as two towers.",
        ),
    },
    defaults=("none", "one", "narrow", "wide"),
    columns=(
        base.Column("Equal depth", "none", ("one",)),
        base.Column("Equal parameters", "narrow", ("one",)),
        base.Column("Equal parameters, wide", "none", ("wide",)),
    ),
    draw=_train,
    sets={"test": base.EvalSet("New pictures", partial(_drawn, _TESTED))},
    main="test",
    metric=base.Metric("accuracy", "Accuracy", base.agreement, chance=0.5, best=0.985, solved=0.95),
    solve=_solve,
    recipe=base.Recipe(steps=300, batch=_SIZE, lr=1e-2),
    shows=(
        "One tower learns from both sides: with as few as 200 pairs it sees each digit twice as often as a "
        "tower for each side does, and is better at half the parameters."
    ),
    hides=(
        "With more pairs two towers may catch up. Both sides are alike here; where they play "
        "different roles, such as a question and its answer, there is less to share."
    ),
    source=f"Bromley et al. (1993), Signature verification by a Siamese time delay network; {source.SOURCE}",
    loss="binary",
)
