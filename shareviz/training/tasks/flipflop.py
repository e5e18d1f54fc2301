"""Keep the last bit that was written, whatever else passes by."""

from __future__ import annotations

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_time as over_time
from shareviz.training.tasks._over_time import LONG, STEPS

WRITES = 0.1
_SIZE = 32
_TESTED = 1000
_MODEL = f"gru_classifier?steps={STEPS}&width=16&inputs=2&output=each"


def _bits(count: int, length: int, *key: int | str) -> base.Batch:
    """Return (count, length, 2), a bit as −1 or 1 and whether it is written, and the bit that is kept."""
    draw = base.generator("flipflop", length, *key)
    bits = draw.integers(0, 2, (count, length))
    written = draw.random((count, length)) < WRITES
    written[:, 0] = True  # there is always something to keep
    last = np.maximum.accumulate(np.where(written, np.arange(length), 0), axis=1)
    inputs = np.stack((2 * bits - 1, written), axis=-1).astype(np.float32)
    return base.Batch(inputs, np.take_along_axis(bits, last, axis=1))


def _train(seed: int, step: int) -> base.Batch:
    return _bits(_SIZE, STEPS, "train", seed, step)


def _held(length: int, split: str) -> base.Batch:
    """Return sequences of which only the last answer is asked."""
    batch = _bits(_TESTED, length, split)
    batch.targets[:, :-1] = base.IGNORED
    return batch


def _solve(inputs: base.Array) -> base.Array:
    answers = np.zeros(inputs.shape[:2], dtype=np.int64)
    for row, steps in enumerate(inputs):
        kept = 0
        for place, (bit, written) in enumerate(steps):
            kept = int(bit > 0) if written else kept
            answers[row, place] = kept
    return base.one_hot(answers, 2)


TASK = base.Task(
    name="flipflop",
    title="Flip-flop",
    question="Does one cell for all steps keep a bit longer than a cell for each step?",
    over="time",
    model=_MODEL,
    versions=over_time.versions(_MODEL, wide=60),
    defaults=over_time.DEFAULTS,
    columns=over_time.COLUMNS,
    draw=_train,
    sets=over_time.sets(_held),
    main="long",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=0.5, best=1.0, solved=0.99),
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=_SIZE, lr=1e-2, clip=0.5),
    shows=(
        f"One cell ignores what is not written at any step, so it keeps a bit to length {LONG}. Of a cell "
        "for each step the first only ever learned to write, and it overwrites when its turn comes again "
        f"at step {STEPS + 1}."
    ),
    hides=(
        "The difference hangs on how rarely something is written: if every fourth step wrote, a bit would "
        "seldom have to outlast the first cell's next turn. With as many cells as steps no cell has one."
    ),
    source="Liu et al. (2023), arXiv 2306.00946, section 3, the flip-flop language; one write in ten",
)
