"""Add the two marked numbers of a sequence: sharing over time that does not carry over to length."""

from __future__ import annotations

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_time as over_time
from shareviz.training.tasks._over_time import LONG, STEPS

_SIZE = 32
_TESTED = 1000
_MODEL = f"gru_classifier?steps={STEPS}&width=16&inputs=2&outputs=1"


def _sums(count: int, length: int, *key: int | str) -> base.Batch:
    """Return (count, length, 2), a number from 0 to 1 and its mark, and the sum of the marked, (count, 1).

    One of the marks is in each half.
    """
    draw = base.generator("adding", length, *key)
    numbers = draw.random((count, length), dtype=np.float32)
    marks = np.zeros((count, length), dtype=np.float32)
    half, every = length // 2, np.arange(count)
    marks[every, draw.integers(0, half, count)] = 1
    marks[every, draw.integers(half, length, count)] = 1
    return base.Batch(np.stack((numbers, marks), axis=-1), (numbers * marks).sum(1, keepdims=True))


def _train(seed: int, step: int) -> base.Batch:
    return _sums(_SIZE, STEPS, "train", seed, step)


def _held(length: int, split: str) -> base.Batch:
    return _sums(_TESTED, length, split)


def _solve(inputs: base.Array) -> base.Array:
    answers = np.zeros((len(inputs), 1), dtype=np.float32)
    for row, steps in enumerate(inputs):
        for number, mark in steps:
            if mark:
                answers[row] += number
    return answers


def _error(outputs: base.Array, targets: base.Array) -> float:
    return float(np.square(outputs - targets).mean())


TASK = base.Task(
    name="adding",
    title="Adding",
    question="Does one cell for all steps always carry what it learned to longer sequences?",
    over="time",
    model=_MODEL,
    versions=over_time.versions(_MODEL, wide=60),
    defaults=over_time.DEFAULTS,
    columns=over_time.COLUMNS,
    draw=_train,
    sets=over_time.sets(_held),
    main="long",
    metric=base.Metric(
        "mse",
        "Squared error",
        _error,
        chance=1 / 6,  # the variance of a sum of two uniform numbers, 2/12
        best=0.0,
        solved=0.01,
        higher_is_better=False,
        share=False,
    ),
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=_SIZE, lr=1e-2, clip=0.5),
    shows=(
        f"No guarantee of length: one cell learns the sum at length {STEPS} far better than a cell for each "
        f"step, and at length {LONG} neither does better on average than a constant answer."
    ),
    hides=(
        "A cell trained on many lengths, or longer, may well carry over. Seeds fail in different ways at the "
        "longer length, so their spread is wide and no winner there says anything about the next run."
    ),
    source="Hochreiter and Schmidhuber (1997), Long Short-Term Memory, section 5.4, here without its scaling",
    loss="numbers",
)
