"""Put eight numbers in order: a task where sharing over depth costs something."""

from __future__ import annotations

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_depth as over_depth
from shareviz.training.tasks._sorting import BATCH, Lists

LISTS = Lists("sort", length=8, values=16)


def _solve(inputs: base.Array) -> base.Array:
    """Count how often each number occurs, and write it that often."""
    answers = np.zeros(inputs.shape, dtype=np.int64)
    for row, numbers in enumerate(inputs):
        answers[row] = np.repeat(np.arange(LISTS.values), np.bincount(numbers, minlength=LISTS.values))
    return base.one_hot(answers, LISTS.values)


TASK = base.Task(
    name="sort",
    title="Sort",
    question="Can one layer run four times sort as well as four layers?",
    over="depth",
    model=LISTS.model,
    versions=over_depth.versions(LISTS.model, layers=4, width=32, wide=64),
    defaults=("none", "all", "cycle2", "one"),
    columns=(
        base.Column("Equal depth", "none", ("all", "cycle2")),
        base.Column("Equal parameters", "one", ("all",)),
        base.Column("Equal parameters, two layers", "two", ("cycle2",)),
        base.Column("Equal compute", "wide", ("none", "all")),
    ),
    draw=LISTS.train,
    sets=LISTS.sets,
    main="test",
    metric=LISTS.metric,
    solve=_solve,
    recipe=base.Recipe(steps=300, batch=BATCH, lr=1e-2),
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
