"""A table while it is typed: what fits so far is said, the first error is named, and nonsense is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from shareviz.errors import OptionError
from shareviz.kinds import kinds
from shareviz.layerdraft import Draft, Typed, choices
from shareviz.layertable import Flow, input_text, rows_text
from shareviz.ui.choose_layers import PRESETS
from tests.kinds.tables import tables

CNN = Draft.of(("image-1-8-8", "conv2d-4~pool~flatten~linear-6~linear-6~head-3"))


@settings(max_examples=30)
@given(tables())
def test_what_is_shown_is_read_back(table: Flow) -> None:
    text = (input_text(table.given), rows_text(table.rows))
    draft = Draft.sent(json.loads(json.dumps(Draft.of(text).data())))
    assert draft == Draft.of(text)
    assert draft.check().text == text
    assert draft.check().shapes == (table.given, *table.shapes)


@pytest.mark.parametrize("name", PRESETS)
def test_every_beginning_fits(name: str) -> None:
    checked = Draft.of(PRESETS[name]).check()
    assert checked.error is None and checked.text[0] == PRESETS[name][0]


@pytest.mark.parametrize(
    ("row", "typed", "says", "shapes"),
    [
        (1, Typed("conv2d", ("4", "three")), "Row 1, conv2d: kernel must be a whole number, not 'three'.", 1),
        (2, Typed("pool", ("9",)), "Row 2, pool: its window of 9 is wider than what comes in", 2),
        (3, Typed("gru", ("4",)), "Row 3, gru: it takes places; row 2 gives 4 channels of 4×4.", 3),
        (4, Typed("linear", ("6",), "2"), "Row 4, linear: 2 cannot run one after the other", 4),
        (5, Typed("linear", ("6",), "0"), "Row 5, linear: repeats = 0 is out of range.", 5),
        (6, Typed("", ()), "Row 6: there is no kind of layer ''.", 6),
    ],
)
def test_the_first_error_is_named_with_the_shapes_before_it(
    row: int, typed: Typed, says: str, shapes: int
) -> None:
    rows = list(CNN.rows)
    rows[row - 1] = typed
    checked = Draft(CNN.given, tuple(rows)).check()
    assert checked.error is not None and checked.error.row == row
    assert says in checked.error.message
    assert len(checked.shapes) == shapes


def test_an_input_that_cannot_be_belongs_to_row_0() -> None:
    checked = Draft(Typed("image", ("1", "0", "8")), CNN.rows).check()
    assert checked.error is not None and checked.error.row == 0 and checked.shapes == ()


def test_an_empty_cell_is_the_default() -> None:
    draft = Draft(Typed("numbers", ("",)), (Typed("linear", ("", "none"), ""), Typed("head")))
    assert draft.check().text == ("numbers-64", "linear~head")


def test_rows_that_share_are_offered_and_kept() -> None:
    draft = Draft.of(("image-1-8-8", rows_text(CNN.check().table.rows)), {5: 4})  # type: ignore[union-attr]
    assert draft.shares == {5: 4}
    assert draft.check().offers == ((), (), (), (), (4,), ())


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"rows": 3},
        {"rows": []},
        {"given": {"kind": "tokens"}, "rows": [None]},
        {"given": {"kind": "tokens"}, "rows": [{"kind": 3}]},
        {"given": {"kind": "tokens"}, "rows": [{"kind": "head", "sizes": "abc"}]},
        {"given": {"kind": "tokens"}, "rows": [{"kind": "head", "sizes": ["1"] * 9}]},
        {"given": {"kind": "tokens"}, "rows": [{"kind": "head", "shares": "x"}]},
        {"given": {"kind": "tokens"}, "rows": [{"kind": "head"}] * 65},
    ],
)
def test_what_no_table_sends_is_one_sentence(value: object) -> None:
    with pytest.raises(OptionError) as caught:
        Draft.sent(value)
    assert caught.value.hint.endswith(".")


def test_every_kind_is_offered_with_its_sizes() -> None:
    offered = choices()["kinds"]
    assert [one["name"] for one in offered] == list(kinds())
    assert json.loads(json.dumps(choices())) == choices()
