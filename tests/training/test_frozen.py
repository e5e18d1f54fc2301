"""Frozen data: it is what its source says, small, and with the notice that its licence asks for."""

import sys

import numpy as np
import pytest

from shareviz.training.frozen import FOLDER, OTHER, TOKENS, WORDS, digits, split_words, topics
from shareviz.training.frozen.__main__ import source_digits, source_topics


def test_the_digits_are_those_of_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    frozen, source = digits(), source_digits()
    assert np.array_equal(frozen.images, source.images) and np.array_equal(frozen.labels, source.labels)


@pytest.mark.skipif(sys.version_info[:3] != (3, 11, 7), reason="other releases carry another manual")
def test_the_excerpt_is_that_of_the_manual() -> None:
    frozen, source = topics(), source_topics()
    assert frozen.words == source.words and np.array_equal(frozen.tokens, source.tokens)


def test_the_digits_are_1797_pictures_of_17_shades() -> None:
    found = digits()
    assert found.images.shape == (1797, 8, 8) and found.labels.shape == (1797,)
    assert found.images.min() == 0 and found.images.max() == 16
    assert np.bincount(found.labels).min() == 174  # as the description in scikit-learn says


def test_the_excerpt_has_its_words_by_frequency() -> None:
    found = topics()
    assert len(set(found.words)) == WORDS and len(found.tokens) == TOKENS
    often = np.bincount(found.tokens, minlength=WORDS)
    assert found.words[0] == OTHER and (np.diff(often[1:]) <= 0).all() and often.min() > 0
    text = " ".join(found.words[token] for token in found.tokens[:400] if token)
    assert "assert statements are a convenient way" in text and split_words(text) == text.split()


def test_frozen_data_cannot_be_changed_by_a_reader() -> None:
    with pytest.raises(ValueError, match="read-only"):
        digits().images[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        topics().tokens[0] = 1


@pytest.mark.parametrize(
    ("name", "licence"), [("digits", "BSD 3-Clause"), ("topics", "Python Software Found")]
)
def test_each_file_is_small_and_has_its_notice_beside_it(name: str, licence: str) -> None:
    assert (FOLDER / f"{name}.npz").stat().st_size < 100_000
    notice = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert f"{name}.npz" in notice and licence in notice and "Changed here" in notice
