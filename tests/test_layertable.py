"""The table of layers: what is wrong is named with its row, and a hostile text costs nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareviz.errors import OptionError
from shareviz.layertable import RowError, flow, parse_input, parse_rows, row_names, rows_text
from shareviz.models import canonical, title_of

TOKENS = parse_input("tokens-8")


def refused(rows: str, given: str = "tokens-8") -> RowError:
    with pytest.raises(RowError) as caught:
        flow(parse_input(given), parse_rows(rows))
    return caught.value


@pytest.mark.parametrize(
    ("given", "rows", "row", "says", "way"),
    [
        ("tokens-8", "linear 10", 1, "takes numbers; the input gives 8 tokens", "Put an embedding before"),
        ("image-1-28-28", "pool~linear 10", 2, "row 1 gives 1 channel of 14×14", "Put flatten or reduce"),
        ("numbers-64", "linear 128~conv2d 16", 2, "takes an image; row 1 gives 128 numbers", "conv1d"),
        (
            "tokens-8",
            "embedding 9 64~attention 5",
            2,
            "its 5 heads do not split 64 numbers evenly; row 1 gives 8 places of 64 numbers",
            "Set heads to 4, or the numbers of row 1 to 65.",
        ),
        ("numbers-64", "linear 32 x3", 1, "each takes 64 numbers and gives 32 numbers", "Set numbers to 64"),
        ("tokens-8", "embedding~positions 4", 2, "vectors for 4 places only", "Set places to 8"),
        ("image-1-4-4", "pool 8", 1, "window of 8 is wider", "Set window to 4."),
        ("image-3-8-8", "norm", 1, "takes numbers or places", "Set which to batch."),
        ("numbers-8", "linar 3", 1, "no kind of layer 'linar'", "linear"),
        ("numbers-8", "linear 0", 1, "size = 0 is out of range", "1 to 65536"),
        ("numbers-8", "linear 3 relu 4", 1, "3 sizes", "size, then"),
        ("numbers-8", "linear-8-x97", 1, "repeats = 97 is out of range", "1 to 96"),
        ("image-1-1-1", "flatten~~reduce", 2, "row 1 gives 1 number", "Leave it out"),
    ],
)
def test_the_first_row_that_does_not_fit_is_named(
    given: str, rows: str, row: int, says: str, way: str
) -> None:
    error = refused(rows, given)
    assert error.row == row and f"Row {row}" in error.message
    assert says in error.message
    assert way in error.hint


def test_the_shapes_up_to_the_row_that_does_not_fit_are_kept() -> None:
    error = refused("embedding 9 64~positions~conv2d 3")
    assert [shape.sizes for shape in error.before] == [(8, 64), (8, 64)]


@pytest.mark.parametrize(
    "rows",
    [
        "linear~" * 65,
        "linear-x96~linear-x96~linear-x96",
        "linear-" * 5000,
        "linear 99999999999999999999999",
        "linear 1e9",
        "linear-8-x99999999999999999999",
        "~~~",
        "\x00",
    ],
)
def test_a_table_that_is_too_much_is_refused_at_once(rows: str) -> None:
    start = time.perf_counter()
    assert refused(rows, "numbers-64").hint.endswith(".")
    assert time.perf_counter() - start < 0.5


def test_numbers_that_flow_and_turns_over_time_are_bounded() -> None:
    assert "would give" in refused("conv2d 65536", "image-512-1024-1024").message
    assert "run 1,536 times" in refused("gru-1-x3", "sequence-512-1").message


@given(st.text(alphabet="abcdeghilmnrt 0123456789-~;x,\n", max_size=60), st.text(max_size=20))
def test_any_text_is_a_table_or_one_sentence(rows: str, given: str) -> None:
    for text in (f"layers?rows={rows}", f"layers?input={given}&rows={rows}"):
        try:
            assert canonical(canonical(text)) == canonical(text)
        except OptionError as error:
            assert error.message.endswith(".") and error.hint.endswith(".")


def test_spaces_commas_and_lines_say_the_same_as_the_link() -> None:
    assert rows_text(parse_rows("linear 64 relu x2\nhead, 3 ;")) == "linear-64-relu-x2~head-3"


def test_a_name_stays_where_it_is_alone_and_is_counted_where_it_is_not() -> None:
    rows = parse_rows("embedding~block~block-x2~block-x3~head~head")
    assert row_names(rows) == ("embedding", "block", "blocks1", "blocks2", "head1", "head2")


def test_the_title_counts_the_rows() -> None:
    assert title_of("layers?rows=embedding~head") == "Own model, 2 rows"
