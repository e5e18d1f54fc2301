"""Is the number of ones so far odd? One cell for all steps against a cell for each step."""

from __future__ import annotations

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_time as over_time
from shareviz.training.tasks._over_time import LONG, STEPS

_SIZE = 32
_TESTED = 1000
_MODEL = f"gru_classifier?steps={STEPS}&width=16&output=each"


def _bits(count: int, length: int, *key: int | str) -> tuple[base.Array, base.Array]:
    """Return signs, (count, length, 1), and the parity of each prefix, (count, length)."""
    bits = base.generator("parity", length, *key).integers(0, 2, (count, length))
    return (2 * bits - 1).astype(np.float32)[..., None], bits.cumsum(1) % 2


def _train(seed: int, step: int) -> base.Batch:
    return base.Batch(*_bits(_SIZE, STEPS, "train", seed, step))


def _held(length: int, split: str) -> base.Batch:
    """Return sequences of which only the last answer is asked."""
    signs, odd = _bits(_TESTED, length, split)
    odd[:, :-1] = base.IGNORED
    return base.Batch(signs, odd)


def _solve(inputs: base.Array) -> base.Array:
    answers, odd = np.zeros(inputs.shape[:2], dtype=np.int64), np.zeros(len(inputs), dtype=np.int64)
    for step in range(inputs.shape[1]):
        odd ^= inputs[:, step, 0] > 0
        answers[:, step] = odd
    return base.one_hot(answers, 2)


TASK = base.Task(
    name="parity",
    title="Parity",
    question="Does one cell for all steps learn a rule that a cell for each step does not?",
    over="time",
    model=_MODEL,
    versions=over_time.versions(_MODEL, wide=59),
    defaults=over_time.DEFAULTS,
    columns=over_time.COLUMNS,
    draw=_train,
    sets=over_time.sets(_held),
    main="long",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=0.5, best=1.0, solved=0.99),
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=_SIZE, lr=1e-2, clip=0.5),
    shows=(
        f"A rule that is the same at every step: one cell carries it from length {STEPS} to {LONG}, "
        "where the cells of a longer sequence start over."
    ),
    hides=(
        f"There are 2^{STEPS} = {2**STEPS:,} sequences of length {STEPS}: that set overlaps with training. "
        "Other tasks do not generalise in length: sharing over time is no guarantee."
    ),
    source="Minsky and Papert (1969), Perceptrons; the recurrent form: Graves (2016), arXiv 1603.08983, 3.1",
)
