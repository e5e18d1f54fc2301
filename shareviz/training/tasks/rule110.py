"""Three steps of a cellular automaton: one layer for each step, or one layer run three times."""

from __future__ import annotations

from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_depth as over_depth

CELLS = 24
TURNS = 3
RULE = 110
_SIZE = 32
_TESTED = 1000
_MODEL = f"ring?layers={TURNS}&width=16&vocab=2"


def _rings(count: int, *key: int | str) -> base.Batch:
    """Return rings of cells, and the same rings three turns later."""
    cells = base.generator("rule110", *key).integers(0, 2, (count, CELLS))
    later = cells
    for _ in range(TURNS):
        around = 4 * np.roll(later, 1, axis=1) + 2 * later + np.roll(later, -1, axis=1)
        later = RULE >> around & 1
    return base.Batch(cells, later)


def _train(seed: int, step: int) -> base.Batch:
    return _rings(_SIZE, "train", seed, step)


def _turn(left: int, cell: int, right: int) -> int:
    """Return the next state: a lit cell goes out between two lit ones, a dark one takes its right."""
    return int(not (left and right)) if cell else right


def _solve(inputs: base.Array) -> base.Array:
    answers = np.zeros(inputs.shape, dtype=np.int64)
    for row, ring in enumerate(inputs):
        cells = [int(cell) for cell in ring]
        for _ in range(TURNS):
            cells = [_turn(cells[i - 1], cells[i], cells[(i + 1) % CELLS]) for i in range(CELLS)]
        answers[row] = cells
    return base.one_hot(answers, 2)


TASK = base.Task(
    name="rule110",
    title="Rule 110",
    question="Does one layer, run three times, learn a rule that is applied three times?",
    over="depth",
    model=_MODEL,
    versions=over_depth.versions(_MODEL, layers=TURNS, width=16, wide=28),
    defaults=("none", "all", "one", "wide"),
    columns=(
        base.Column("Equal parameters", "one", ("all",)),
        base.Column("Equal parameters, two layers", "two", ("cycle2",)),
        base.Column("Equal depth", "none", ("all", "cycle2")),
        base.Column("Equal compute", "wide", ("none", "all")),
    ),
    draw=_train,
    sets={"test": base.EvalSet(f"{CELLS} cells, {TURNS} steps", partial(_rings, _TESTED))},
    main="test",
    # of the 128 neighbourhoods of seven cells, 66 end in a lit one
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=66 / 128, best=1.0, solved=0.99),
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=_SIZE, lr=1e-2),
    shows=(
        "A rule applied three times needs the reach of three layers, not their weights. In each layer a "
        "cell sees one neighbour on each side, and the answer hangs on seven cells: from three of them "
        "nobody gets above 60.9 % on average, from five above 70.3 %, however wide the layer."
    ),
    hides=(
        "The rule is the same at every step, and the model sees as far as its depth: both favour sharing. "
        "Where one layer sees everything, as attention does, one layer alone gets further than these limits."
    ),
    source="Cook (2004), Universality in Elementary Cellular Automata, section 1, for the rule",
)
