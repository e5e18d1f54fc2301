"""Put twelve of 24 numbers in order: what a correction of low rank brings, beside a second stored layer."""

from __future__ import annotations

from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_depth as over_depth

LENGTH = 12
VALUES = 24
_SIZE = 32
_TESTED = 1000
_MODEL = (
    f"encoder?layers=4&width=32&heads=4&vocab={VALUES}&context={LENGTH}&segments=0&norm=before"
    f"&output=tokens&classes={VALUES}"
)


def _lists(count: int, *key: int | str) -> base.Batch:
    numbers = base.generator("sort24", *key).integers(0, VALUES, (count, LENGTH))
    return base.Batch(numbers, np.sort(numbers, axis=1))


def _train(seed: int, step: int) -> base.Batch:
    return _lists(_SIZE, "train", seed, step)


def _solve(inputs: base.Array) -> base.Array:
    return base.one_hot(np.array([sorted(numbers) for numbers in inputs.tolist()]), VALUES)


def _relaxed(rank: int) -> base.Version:
    return base.Version(
        f"All + rank {rank}",
        base.under(f"relaxed?stored=1&rank={rank}"),
        note="Every layer adds a correction of low rank of its own to the shared one.",
    )


TASK = base.Task(
    name="sort24",
    title="Sort 12 of 24",
    question="Does a correction of low rank bring more than a second stored layer?",
    over="depth",
    model=_MODEL,
    versions={
        **over_depth.versions(_MODEL, layers=4, width=32, wide=64),
        "rank5": _relaxed(5),
        "rank8": _relaxed(8),
    },
    defaults=("none", "all", "cycle2", "rank5"),
    columns=(
        base.Column("Equal parameters", "cycle2", ("rank5",)),
        base.Column("Equal parameters, shallow", "one", ("all",)),
        base.Column("Equal parameters, two layers", "two", ("cycle2",)),
        base.Column("Equal depth", "none", ("all", "cycle2", "rank5", "rank8")),
        base.Column("Equal compute", "wide", ("none", "all")),
        base.Column("With a correction", "all", ("rank5", "rank8")),
    ),
    draw=_train,
    sets={"test": base.EvalSet(f"{LENGTH} of {VALUES} values", partial(_lists, _TESTED))},
    main="test",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=1 / VALUES, best=1.0, solved=0.99),
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=_SIZE, lr=1e-2),
    shows=(
        "Sharing all layers costs much here. A correction of low rank for each wins some of it back, but "
        "two stored layers taking turns, at as many parameters, are the control that it must beat; and one "
        "layer alone, at a quarter of the compute, sorts better than the same layer run four times."
    ),
    hides=(
        "All versions use one rate, and 400 steps are few. Corrections start at zero, so a longer training "
        "may favour them."
    ),
    source="Bae et al. (2024), arXiv 2410.20672, relaxed recursion; the control is ours",
)
