"""What every task on handwritten digits reads: 1,000 pictures to train on, and others to judge by."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from shareviz.training.frozen import digits
from shareviz.training.tasks import _base as base

SOURCE = "the pictures: Alpaydin and Kaynak (1998), UCI Machine Learning Repository, as scikit-learn has them"
SIDE = 8
CLASSES = 10
EACH = {"train": 100, "test": 50, "validation": 24}  # pictures of each digit


@dataclass(frozen=True, slots=True)
class Part:
    """Pictures, (n, 8, 8) numbers from 0 to 1, and the digit on each."""

    images: base.Array
    labels: base.Array


@functools.cache
def parts() -> Mapping[str, Part]:
    """Return the parts by name; every digit is as frequent as the others, and no picture is in two."""
    found = digits()
    order = base.generator("digits").permutation(len(found.labels))
    ends = np.cumsum([0, *EACH.values()])
    of_class = [order[found.labels[order] == digit] for digit in range(CLASSES)]
    made = {}
    for name, low, high in zip(EACH, ends, ends[1:], strict=False):
        # the digits take turns, so the first 60 hold six of each
        kept = np.stack([places[low:high] for places in of_class], axis=1).ravel()
        made[name] = Part(found.images[kept].astype(np.float32) / 16, found.labels[kept])
    return made


def nearest(images: base.Array, seen: Callable[[base.Array], base.Array] = np.asarray) -> base.Array:
    """Return the digit on each picture, (n, 8, 8): that of the nearest one to train on.

    Args:
        seen: What to do with the pictures to train on before they are compared.
    """
    known = parts()["train"]
    marks = seen(known.images).reshape(len(known.labels), -1).astype(np.float64)
    found = images.reshape(len(images), -1).astype(np.float64)
    apart = (found**2).sum(1)[:, None] + (marks**2).sum(1) - 2 * found @ marks.T
    answers: base.Array = known.labels[apart.argmin(1)]
    return answers
