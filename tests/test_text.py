"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from shareviz import text


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1_540, "1.54 k"),
        (999_960, "1.00 M"),
        (163_037_184, "163.0 M"),
        (-5_000, "−5.00 k"),
    ],
)
def test_counts_have_a_decimal_unit(number: int, shown: str) -> None:
    assert text.count(number) == shown


def test_what_is_not_known_is_not_zero() -> None:
    assert text.count(None) == text.size(None) == text.exact(None) == "n/a"


def test_hidden_characters_of_a_name_are_shown() -> None:
    assert text.clean("a\x00b\u202ec") == "a\\u0000b\\u202ec"
    assert len(text.clean("x" * 10_000)) == text.NAME_LIMIT
    assert text.clean("α.weight") == "α.weight"


def test_a_barely_smaller_number_is_not_called_the_same() -> None:
    assert text.smaller(1_000, 999) == "÷1.001"
    assert text.smaller(10_000_000, 9_999_999) == "÷1.0"
