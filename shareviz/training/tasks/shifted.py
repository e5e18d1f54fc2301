"""Digits at places where they were never seen: one kernel for all positions, and a head that forgets them."""

from __future__ import annotations

from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _digits as source
from shareviz.training.tasks._digits import SIDE

CANVAS = 16
SEEN, UNSEEN = (0, 5), (5, 9)  # columns of the left edge, from the first up to the second
_SIZE = 64
_MODEL = f"conv_classifier?image={CANVAS}"
_FLAT = f"{_MODEL}&head=flat"


def _dense(width: int) -> str:
    return f"layers?input=image-1-{CANVAS}-{CANVAS}&rows=flatten~linear-{width}-relu~head"


def _placed(images: base.Array, columns: tuple[int, int], draw: np.random.Generator) -> base.Array:
    """Return pictures at random places of empty canvases, (n, 1, 16, 16)."""
    count = len(images)
    tops = draw.integers(0, CANVAS - SIDE + 1, count)[:, None, None]
    lefts = draw.integers(*columns, count)[:, None, None]
    reach = np.arange(SIDE)
    canvas = np.zeros((count, 1, CANVAS, CANVAS), dtype=np.float32)
    every = np.arange(count)[:, None, None]
    canvas[every, 0, tops + reach[None, :, None], lefts + reach[None, None, :]] = images
    return canvas


def _train(seed: int, step: int) -> base.Batch:
    draw, known = base.generator("shifted", "train", seed, step), source.parts()["train"]
    chosen = draw.choice(len(known.labels), _SIZE, replace=False)
    return base.Batch(_placed(known.images[chosen], SEEN, draw), known.labels[chosen])


def _held(columns: tuple[int, int], split: str) -> base.Batch:
    held = source.parts()[split]
    return base.Batch(_placed(held.images, columns, base.generator("shifted", split, *columns)), held.labels)


def _solve(inputs: base.Array) -> base.Array:
    """Cut the ink out, and take the digit of the nearest picture that was cut out alike."""
    return base.one_hot(source.nearest(_cut(inputs[:, 0]), _cut), source.CLASSES)


def _cut(images: base.Array) -> base.Array:
    """Return the ink of each picture, moved to the upper left corner, (n, 8, 8)."""
    made = np.zeros((len(images), SIDE, SIDE), dtype=images.dtype)
    for image, cut in zip(images, made, strict=True):
        rows, columns = np.nonzero(image)
        ink = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        cut[: ink.shape[0], : ink.shape[1]] = ink
    return made


TASK = base.Task(
    name="shifted",
    title="Shifted digits",
    question="Does one kernel for all positions recognise a digit where it was never seen?",
    over="space",
    model=_MODEL,
    versions={
        "none": base.Version("Local, pooled", base.unshared, note="A kernel for each position."),
        "space": base.Version("Convolution, pooled", base.under("space")),
        "flat": base.Version("Local, flat", base.unshared, _FLAT),
        "flat_space": base.Version("Convolution, flat", base.under("space"), _FLAT),
        "dense": base.Version("Dense", base.unshared, _dense(128)),
        "small": base.Version(
            "Small dense", base.unshared, _dense(10), "As many stored parameters as the pooled convolution."
        ),
        "wide": base.Version(
            "Wide dense",
            base.unshared,
            _dense(1319),
            "As much compute as the convolution, as many stored parameters as a kernel for each position.",
        ),
    },
    defaults=("none", "space", "flat_space", "dense"),
    columns=(
        base.Column("Equal depth", "none", ("space",)),
        base.Column("Equal depth, flat head", "flat", ("flat_space",)),
        base.Column("Another head", "flat_space", ("space",)),
        base.Column("Equal parameters", "small", ("space",)),
        base.Column("Equal compute", "wide", ("none", "space")),
    ),
    draw=_train,
    sets={
        "seen": base.EvalSet("Columns 0–4, as trained", partial(_held, SEEN)),
        "unseen": base.EvalSet("Columns 5–8, never seen", partial(_held, UNSEEN)),
    },
    main="unseen",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=0.1, best=487 / 500, solved=0.9),
    solve=_solve,
    recipe=base.Recipe(steps=200, batch=_SIZE, lr=1e-2),
    shows=(
        "Sharing the kernel is not enough: the head must forget the position too. The convolution with a "
        "pooled head recognises a digit where it never saw one; with a flat head it hardly does, and neither "
        "a kernel for each position nor a dense layer does."
    ),
    hides=(
        "Training on shifted copies everywhere would spare the sharing, and where a position has a meaning "
        "it can hurt. Under a pooled head a kernel for each position hardly learns even the seen columns "
        "within this budget."
    ),
    source=f"LeCun et al. (1989), Generalization and network design strategies; {source.SOURCE}",
)
