"""Data that tasks draw from, frozen in the package: handwritten digits, and an excerpt of Python's manual.

`python -m shareviz.training.frozen` makes the files anew; their notices stand beside them.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent.parent.parent / "data"
WORDS = 1000  # of the vocabulary, the first of which stands for all others
OTHER = "<other>"
TOKENS = 100_000  # of the excerpt

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Digits:
    """1,797 pictures of 8 × 8 pixels, (n, 8, 8) whole numbers from 0 to 16, and the digit on each, (n)."""

    images: Array
    labels: Array


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Words by number, the most frequent first after `OTHER`, and the text as numbers."""

    words: tuple[str, ...]
    tokens: Array


@functools.cache
def digits() -> Digits:
    """Return the digits in the order of their source."""
    with np.load(FOLDER / "digits.npz", allow_pickle=False) as found:
        return Digits(_fixed(found["images"]), _fixed(found["labels"].astype(np.int64)))


@functools.cache
def topics() -> Excerpt:
    """Return the excerpt."""
    with np.load(FOLDER / "topics.npz", allow_pickle=False) as found:
        words = found["words"].tobytes().decode("utf-8").split("\n")
        return Excerpt(tuple(words), _fixed(found["tokens"].astype(np.int64)))


def split_words(text: str) -> list[str]:
    """Return the words and numbers of a text in small letters, and each mark between them.

    Example:
        >>> split_words("Don't: x1 == y_2.")
        ['don', "'", 't', ':', 'x1', '=', '=', 'y_2', '.']
    """
    return _TOKEN.findall(text.lower())


_TOKEN = re.compile(r"\w+|[^\w\s]")


def _fixed(array: Array) -> Array:
    array.setflags(write=False)
    return array
