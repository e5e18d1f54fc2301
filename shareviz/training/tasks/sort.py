"""Put eight numbers in order: a task where sharing over depth costs something."""

from __future__ import annotations

from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_depth as over_depth

LENGTH = 8
VALUES = 16
_SIZE = 32
_TESTED = 1000
_MODEL = (
    f"encoder?layers=4&width=32&heads=4&vocab={VALUES}&context={LENGTH}&segments=0&norm=before"
    f"&output=tokens&classes={VALUES}"
)


def _lists(count: int, *key: int | str) -> base.Batch:
    numbers = base.generator("sort", *key).integers(0, VALUES, (count, LENGTH))
    return base.Batch(numbers, np.sort(numbers, axis=1))


def _train(seed: int, step: int) -> base.Batch:
    return _lists(_SIZE, "train", seed, step)


def _solve(inputs: base.Array) -> base.Array:
    """Count how often each number occurs, and write it that often."""
    answers = np.zeros(inputs.shape, dtype=np.int64)
    for row, numbers in enumerate(inputs):
        answers[row] = np.repeat(np.arange(VALUES), np.bincount(numbers, minlength=VALUES))
    return base.one_hot(answers, VALUES)


TASK = base.Task(
    name="sort",
    title="Sort",
    question="Can one layer run four times sort as well as four layers?",
    over="depth",
    model=_MODEL,
    versions=over_depth.versions(_MODEL, layers=4, width=32, wide=64),
    defaults=("none", "all", "cycle2", "one"),
    columns=(
        base.Column("Equal depth", "none", ("all", "cycle2")),
        base.Column("Equal parameters", "one", ("all",)),
        base.Column("Equal parameters, two layers", "two", ("cycle2",)),
        base.Column("Equal compute", "wide", ("none", "all")),
    ),
    draw=_train,
    sets={"test": base.EvalSet(f"{LENGTH} of {VALUES} values", partial(_lists, _TESTED))},
    main="test",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=1 / VALUES, best=1.0, solved=0.99),
    solve=_solve,
    recipe=base.Recipe(steps=300, batch=_SIZE, lr=1e-2),
    shows=(
        "Sharing that costs: four different layers sort better than one layer run four times, and at equal "
        "parameters a single layer, at a quarter of the compute, does no worse."
    ),
    hides=(
        "All versions get nearly everything right. The rate of 0.01 is the own best of each among four, and "
        "the order holds there only: at 0.001, 300 steps are too few, and all layers and one layer are alike."
    ),
    source="Dehghani et al. (2019), arXiv 1807.03819, section 3.2, copying and reversing with shared layers",
)
