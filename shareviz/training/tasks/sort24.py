"""Put twelve of 24 numbers in order: what a correction of low rank brings, beside a second stored layer."""

from __future__ import annotations

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_depth as over_depth
from shareviz.training.tasks._sorting import BATCH, Lists

LISTS = Lists("sort24", length=12, values=24)


def _solve(inputs: base.Array) -> base.Array:
    return base.one_hot(np.array([sorted(numbers) for numbers in inputs.tolist()]), LISTS.values)


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
    model=LISTS.model,
    versions={
        **over_depth.versions(LISTS.model, layers=4, width=32, wide=64),
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
    draw=LISTS.train,
    sets=LISTS.sets,
    main="test",
    metric=LISTS.metric,
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=BATCH, lr=1e-2),
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
