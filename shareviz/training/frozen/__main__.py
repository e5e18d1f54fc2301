"""Make the frozen data anew: `python -m shareviz.training.frozen`, with scikit-learn and Python 3.11."""

from __future__ import annotations

import sys
from collections import Counter
from importlib import import_module

import numpy as np

from shareviz.training.frozen import FOLDER, OTHER, TOKENS, WORDS, Array, Digits, Excerpt, split_words


def source_digits() -> Digits:
    """Return the digits as scikit-learn has them."""
    found = import_module("sklearn.datasets").load_digits()
    return Digits(found.images.astype(np.uint8), found.target.astype(np.uint8))


def source_topics() -> Excerpt:
    """Return the excerpt from the manual that this Python carries; other releases carry another text."""
    pages = import_module("pydoc_data.topics").topics
    tokens = split_words("\n".join(pages[name] for name in sorted(pages)))[:TOKENS]
    often = sorted(Counter(tokens).items(), key=lambda item: (-item[1], item[0]))
    words = (OTHER, *(word for word, _ in often[: WORDS - 1]))
    number = {word: place for place, word in enumerate(words)}
    return Excerpt(words, np.array([number.get(token, 0) for token in tokens], dtype=np.uint16))


def main() -> int:
    """Write both files; return the exit code."""
    found = source_digits()
    np.savez_compressed(FOLDER / "digits.npz", images=found.images, labels=found.labels)
    excerpt = source_topics()
    words: Array = np.frombuffer("\n".join(excerpt.words).encode(), dtype=np.uint8)
    np.savez_compressed(FOLDER / "topics.npz", words=words, tokens=excerpt.tokens)
    return 0


if __name__ == "__main__":
    sys.exit(main())
