"""The next word of Python's manual: is the output head a table of its own, or the token table?"""

from __future__ import annotations

import functools

import numpy as np

from shareviz.training.frozen import WORDS, topics
from shareviz.training.tasks import _base as base

LENGTH = 16
BLOCK = 1000  # words; of every ten blocks one is for validation, another for the test
HELD = {"validation": 9, "test": 4}
_SIZE = 16
_PRIOR = 20.0  # how many words the frequencies count for, beside the pairs that were seen
_MODEL = f"language_model?layers=2&width=32&heads=4&vocab={WORDS}&context={LENGTH}"


@functools.cache
def _blocks(split: str) -> base.Array:
    """Return the blocks of "train", "validation" or "test", (blocks, 1000)."""
    blocks = topics().tokens.reshape(-1, BLOCK)
    place = np.arange(len(blocks)) % 10
    found: base.Array = blocks[
        ~np.isin(place, list(HELD.values())) if split == "train" else place == HELD[split]
    ]
    return found


def _train(seed: int, step: int) -> base.Batch:
    draw, blocks = base.generator("words", "train", seed, step), _blocks("train")
    rows = draw.integers(0, len(blocks), _SIZE)[:, None]
    places = draw.integers(0, BLOCK - LENGTH, _SIZE)[:, None] + np.arange(LENGTH)
    return base.Batch(blocks[rows, places], blocks[rows, places + 1])


def _held(split: str) -> base.Batch:
    """Return each word of the blocks once as a target, but for a block's first and what is left over."""
    blocks = _blocks(split)
    whole = (BLOCK - 1) // LENGTH * LENGTH
    return base.Batch(blocks[:, :whole].reshape(-1, LENGTH), blocks[:, 1 : whole + 1].reshape(-1, LENGTH))


@functools.cache
def _pairs() -> base.Array:
    """Return the logarithm of each word's share behind each word, of counted pairs and frequencies."""
    blocks = _blocks("train")
    counted = np.zeros((WORDS, WORDS))
    np.add.at(counted, (blocks[:, :-1].ravel(), blocks[:, 1:].ravel()), 1)
    often = np.bincount(blocks.ravel(), minlength=WORDS) + 0.5
    prior = _PRIOR * often / often.sum()
    shares: base.Array = np.log((counted + prior) / (counted.sum(1, keepdims=True) + _PRIOR))
    return shares


def _solve(inputs: base.Array) -> base.Array:
    """Count which word followed which: no model of two words can do much better."""
    return _pairs()[inputs]


TASK = base.Task(
    name="words",
    title="Next word",
    question="Does a language model lose when its head is its token table?",
    over="tables",
    model=_MODEL,
    versions={
        "none": base.Version("Untied", base.unshared, note="A token table and a head of its own."),
        "tied": base.Version("Tied", base.under("tied")),
        "factorised": base.Version("Tied, factorised 8", base.under("tied;factorised?rank=8")),
        "table": base.Version("Table factorised 8", base.under("factorised?rank=8")),
        "narrow": base.Version(
            "Narrow, untied",
            base.unshared,
            _MODEL.replace("width=32&heads=4", "width=24&heads=4&ffn=2"),
            "As many stored parameters as tied.",
        ),
        "small": base.Version(
            "Narrow, tied",
            base.under("tied"),
            _MODEL.replace("width=32&heads=4", "width=20&heads=4&ffn=6"),
            "As many stored parameters as tied and factorised.",
        ),
    },
    defaults=("none", "tied", "factorised"),
    columns=(
        base.Column("Equal depth", "none", ("tied", "table", "factorised")),
        base.Column("Equal parameters", "narrow", ("tied",)),
        base.Column("Equal parameters, factorised", "small", ("factorised",)),
    ),
    draw=_train,
    sets={"test": base.EvalSet("Every tenth thousand words", _held)},
    main="test",
    metric=base.Metric(
        "perplexity",
        "Perplexity",
        base.perplexity,
        chance=121.28,  # each word as often as it is there
        best=33.21,  # counted pairs, a table of a million numbers
        solved=33.21,
        higher_is_better=False,
        share=False,
    ),
    solve=_solve,
    recipe=base.Recipe(steps=300, batch=_SIZE, lr=1e-2, rates=(5e-3, 1e-2, 2e-2, 4e-2)),
    shows=(
        "A tie saves a third of this model. At each one's own best rate it costs some perplexity against a "
        "head of its own; at equal parameters no difference is shown. Factorising to 8 columns costs more."
    ),
    hides=(
        "It hangs on the rate: at 0.02, too high for a head of its own, no difference is shown. "
        "Counted pairs of words, a table of a million numbers, are better than all of these: 300 steps of a "
        "small model say nothing of a long training."
    ),
    source="Press and Wolf (2017), arXiv 1608.05859; the text: pydoc_data.topics of Python 3.11.7",
)
