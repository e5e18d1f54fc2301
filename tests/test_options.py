"""Options: bounded, typed, and the same text in a link and a command."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareviz.errors import OptionError
from shareviz.options import Option, parse, settle, unparse

OPTIONS = (
    Option("layers", "Layers", 12, 1, 96),
    Option("rate", "Rate", 0.5, 0.0, 1.0),
    Option("bias", "Bias", True),
    Option("parts", "Parts", "both", choices=("both", "attention")),
)


@given(st.integers(1, 96), st.floats(0, 1), st.booleans(), st.sampled_from(("both", "attention")))
def test_what_is_written_is_read_back(layers: int, rate: float, bias: bool, parts: str) -> None:
    values = {"layers": layers, "rate": round(rate, 6), "bias": bias, "parts": parts}
    name, given_ = parse(unparse("gpt", OPTIONS, values))
    assert name == "gpt" and settle(OPTIONS, given_) == values


@pytest.mark.parametrize(
    "given_",
    [
        {"layers": "0"},
        {"layers": "1e9"},
        {"layers": "two"},
        {"rate": "nan"},
        {"bias": "maybe"},
        {"parts": "x"},
        {"z": "1"},
    ],
)
def test_nonsense_is_refused_with_a_way_out(given_: dict[str, str]) -> None:
    with pytest.raises(OptionError) as caught:
        settle(OPTIONS, given_)
    assert caught.value.hint


@given(st.text(max_size=80))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(OptionError):
        parse(text)
