"""Which value stood behind this key? A second layer finds what the first has put beside it."""

from __future__ import annotations

from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base

PAIRS, KEYS, VALUES = 4, 6, 6
LENGTH = 3 * PAIRS  # keys and values in turn, then every key once more, in another order
_SIZE = 32
_TESTED = 1000
_MODEL = f"language_model?layers=2&width=32&heads=4&vocab={KEYS + VALUES}&context={LENGTH}"


def _lists(count: int, *key: int | str) -> base.Batch:
    """Return lists of pairs with all keys behind them; the answers are their values."""
    draw = base.generator("recall", *key)
    keys = draw.permuted(np.tile(np.arange(KEYS), (count, 1)), axis=1)[:, :PAIRS]
    values = KEYS + draw.integers(0, VALUES, (count, PAIRS))
    order = draw.permuted(np.tile(np.arange(PAIRS), (count, 1)), axis=1)
    tokens = np.empty((count, LENGTH), dtype=np.int64)
    tokens[:, 0 : 2 * PAIRS : 2], tokens[:, 1 : 2 * PAIRS : 2] = keys, values
    tokens[:, 2 * PAIRS :] = np.take_along_axis(keys, order, axis=1)
    targets = np.full((count, LENGTH), base.IGNORED)
    targets[:, 2 * PAIRS :] = np.take_along_axis(values, order, axis=1)
    return base.Batch(tokens, targets)


def _train(seed: int, step: int) -> base.Batch:
    return _lists(_SIZE, "train", seed, step)


def _solve(inputs: base.Array) -> base.Array:
    answers = np.zeros(inputs.shape, dtype=np.int64)
    for row, tokens in enumerate(inputs.tolist()):
        pairs, asked = tokens[: 2 * PAIRS], tokens[2 * PAIRS :]
        known = dict(zip(pairs[::2], pairs[1::2], strict=True))
        answers[row, 2 * PAIRS :] = [known[key] for key in asked]
    return base.one_hot(answers, KEYS + VALUES)


TASK = base.Task(
    name="recall",
    title="Recall",
    question="Does one layer, run twice, find what two layers find?",
    over="depth",
    model=_MODEL,
    versions={
        "none": base.Version("None", base.unshared, note="Two layers with weights of their own."),
        "all": base.Version(
            "All layers",
            base.share_layers(base.taking_turns(1), apart="norm", title="All layers"),
            note="One layer run twice; each pass keeps its own norms.",
        ),
        "one": base.Version(
            "One layer",
            base.unshared,
            _MODEL.replace("layers=2", "layers=1"),
            "As many stored parameters as all layers shared, half the compute.",
        ),
        "wide": base.Version(
            "One wide layer",
            base.unshared,
            _MODEL.replace("layers=2&width=32", "layers=1&width=44"),
            "As many stored parameters and as much compute as two layers.",
        ),
    },
    defaults=("none", "all", "one"),
    columns=(
        base.Column("Equal depth", "none", ("all",)),
        base.Column("Equal parameters", "one", ("all",)),
        base.Column("Equal compute", "wide", ("none", "all")),
    ),
    draw=_train,
    sets={"test": base.EvalSet(f"{PAIRS} pairs", partial(_lists, _TESTED))},
    main="test",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=1 / VALUES, best=1.0, solved=0.99),
    solve=_solve,
    recipe=base.Recipe(steps=500, batch=_SIZE, lr=3e-3),
    shows=(
        "Two steps that build on each other: one layer puts each key beside its value, the next looks it up. "
        "Two layers solve it and one layer of any width does not. One layer run twice can, but only some "
        "seeds find it within the budget: look at the dots and at how many are solved, not at the mean."
    ),
    hides=(
        "A seed that has not found it gets about what guessing among the four values gives, so means and "
        "intervals say little here. More steps or another rate move the share of seeds that find it."
    ),
    source="Olsson et al. (2022), arXiv 2209.11895, in-context learning and induction heads; "
    "Ba et al. (2016), arXiv 1610.06258, section 4.1, associative retrieval",
)
