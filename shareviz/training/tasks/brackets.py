"""Which bracket does this one close? Words of two kinds of brackets, with every closer hidden."""

from __future__ import annotations

from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _over_depth as over_depth

LENGTH = 16
CLOSER = 2  # 0 and 1 open; both closers look alike, and the opener's number is the answer
_SIZE = 32
_TESTED = 1000
_MODEL = f"language_model?layers=4&width=32&heads=4&vocab=3&context={LENGTH}"


def _words(count: int, *key: int | str) -> base.Batch:
    draw = base.generator("brackets", *key)
    kinds, coins = draw.integers(0, 2, (count, LENGTH)), draw.random((count, LENGTH))
    tokens = np.full((count, LENGTH), CLOSER)
    targets = np.full((count, LENGTH), base.IGNORED)
    for word in range(count):
        open_: list[int] = []
        for place in range(LENGTH):
            must_close = len(open_) == LENGTH - place
            if not open_ or (coins[word, place] < 0.5 and not must_close):
                open_.append(int(kinds[word, place]))
                tokens[word, place] = open_[-1]
            else:
                targets[word, place] = open_.pop()
    return base.Batch(tokens, targets)


def _train(seed: int, step: int) -> base.Batch:
    return _words(_SIZE, "train", seed, step)


def _solve(inputs: base.Array) -> base.Array:
    answers = np.zeros(inputs.shape, dtype=np.int64)
    for word, tokens in enumerate(inputs):
        open_: list[int] = []
        for place, token in enumerate(tokens):
            if token == CLOSER:
                answers[word, place] = open_.pop()
            else:
                open_.append(int(token))
    return base.one_hot(answers, 3)


TASK = base.Task(
    name="brackets",
    title="Brackets",
    question="Does depth through sharing do what depth does?",
    over="depth",
    model=_MODEL,
    versions=over_depth.versions(_MODEL, layers=4, width=32, wide=64),
    defaults=("none", "all", "cycle2", "one"),
    columns=(
        base.Column("Equal depth", "none", ("all", "cycle2")),
        base.Column("Equal parameters", "one", ("all",)),
        base.Column("Equal compute", "wide", ("none", "all")),
    ),
    draw=_train,
    sets={"test": base.EvalSet(f"Length {LENGTH}", partial(_words, _TESTED))},
    main="test",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=0.5, best=1.0, solved=0.99),
    solve=_solve,
    recipe=base.Recipe(steps=300, batch=_SIZE, lr=1e-2),
    shows="Nested structure, where each further layer helps within a short budget.",
    hides=(
        "About half of all closers stand right behind their opener and need no depth. A few hundred steps "
        "say nothing of a longer training, and per-layer norms make no measurable difference here."
    ),
    source="Hewitt et al. (2020), arXiv 2010.07515, Dyck-(k, m); Lan et al. (2019), ALBERT, section 3.1",
)
