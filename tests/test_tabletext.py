"""A table as text: what is written is read back, and what is hostile is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareviz.design import Design
from shareviz.errors import OptionError, PlanError, SharevizError
from shareviz.layers import sharing_map
from shareviz.models import snapshot_of
from shareviz.plan import Plan, tie
from shareviz.tablemap import head_tied, part_keys, plan_of, table_of, table_stack
from shareviz.tabletext import MOST_LAYERS, PARTS, Table, parse_table, signs_of

SIX = "language_model?layers=6&width=32&heads=4&vocab=50&context=16"


@st.composite
def tables(draw: st.DrawFn, depth: int | None = None, keys: str = "afnr") -> Table:
    """Any table: patterns over a depth, some parts left out."""
    layers = depth or draw(st.sampled_from([1, 2, 6, 12, 96]))
    named = [key for key in keys if draw(st.booleans())]
    rows = st.lists(st.integers(0, 7), min_size=layers, max_size=layers)
    parts = tuple((key, signs_of(draw(rows)) or ()) for key in named)
    return Table(parts, draw(st.sampled_from([None, True, False])) if parts else True)


@settings(max_examples=150)
@given(tables())
def test_a_table_is_read_back_as_it_was_written(table: Table) -> None:
    assert parse_table(table.text) == table
    assert Design.parse(table.text) == Design(painted=table)
    assert Design.parse(table.text).text == table.text


@settings(max_examples=60)
@given(tables(depth=6, keys="afn"))
def test_map_to_text_to_map_is_the_identity(table: Table) -> None:
    seen = snapshot_of(SIX)
    after = plan_of(table, seen).apply(seen)
    said = table_of(after)
    assert said is not None
    assert Design.parse(said.text).plan(seen).apply(seen) == after
    wanted = dict(table.parts)
    stack = table_stack(seen)
    rows = sharing_map(after, table_stack(after)).rows
    for key, row in zip(part_keys(seen, stack), rows, strict=True):
        assert signs_of(row) == wanted.get(key, ())


def test_the_signs_are_read_down_the_layers() -> None:
    seen = snapshot_of(SIX)
    after = Design.parse("a:012012;f:=a;n:own;tie:1").plan(seen).apply(seen)
    assert after == Design.parse("tied;cycle").plan(seen).apply(seen)
    assert head_tied(after) is True and head_tied(seen) is False


@pytest.mark.parametrize(
    ("written", "short"),
    [
        ("a:000000", "a:0*6"),
        ("a:777.7.", "a:000.0."),
        ("a:123456", "a:own"),
        ("a:(012)*32", "a:(012)*32"),
        ("a:" + "01" * 3 + "0" * 12, "a:010101" + "0*12"),
        ("a:.0*20", "a:.0*20"),
        ("a:0*20,1*4", "a:0*20,1*4"),
        ("a:0101;f:0101", "a:0101;f:=a"),
        ("tie:1", "tie:1"),
    ],
)
def test_equal_tables_have_one_text(written: str, short: str) -> None:
    assert Design.parse(written).text == short


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a:0*9999", "more than"),
        ("a:" + "(01234)*999" * 100, "more than"),
        ("a:" + "0" * (MOST_LAYERS + 1), "more than"),
        ("a:" + "0" * 20_000, "characters"),
        ("a:0*99999", "more than"),
        ("a:0*0", "without layers"),
        ("a:", "without layers"),
        ("a:(0", "no sign"),
        ("a:((0)*2)*2", "no sign"),
        ("a:0*\u0663", "no sign"),
        ("a:<b>", "no sign"),
        ("a:0;a:1", "twice"),
        ("tie:1;tie:1", "twice"),
        ("a:=f", "does not stand before"),
        ("a:=a", "does not stand before"),
        ("a:01;x:0", "no part"),
        ("a:01;cycle", "no part"),
        ("tie:2", "neither 0 nor 1"),
    ],
)
def test_what_is_no_table_is_refused_with_a_hint(text: str, why: str) -> None:
    with pytest.raises(OptionError, match=why) as caught:
        Design.parse(text)
    assert caught.value.hint


@settings(max_examples=300)
@given(st.text(alphabet="afnrtie:;=01.z()*9<\u202e", max_size=60))
def test_any_text_is_a_table_or_is_refused_soon(text: str) -> None:
    started = time.process_time()
    try:
        table = parse_table(text)
    except SharevizError:
        pass
    else:
        assert parse_table(table.text) == table
        assert all(key in PARTS for key, _ in table.parts)
    assert time.process_time() - started < 1


def test_a_table_of_another_depth_or_part_is_refused() -> None:
    seen = snapshot_of(SIX)
    with pytest.raises(PlanError, match="12 layers, the model 6 layers"):
        Design.parse("a:012012012012").plan(seen)
    with pytest.raises(PlanError, match="no part 'the rest'"):
        Design.parse("r:012012").plan(seen)


def test_a_model_without_one_stack_has_no_table() -> None:
    both = snapshot_of("encoder_decoder?encoder_layers=2&decoder_layers=2&width=8&heads=2&vocab=6")
    assert table_of(both) is None
    with pytest.raises(PlanError, match="this model has 2"):
        Design.parse("a:00").plan(both)


def test_columns_of_one_part_that_share_unlike_have_no_table() -> None:
    seen = snapshot_of(SIX)
    one = Plan((tie("blocks.1.attention.q.weight", "blocks.0.attention.q.weight"),))
    assert table_of(one.apply(seen)) is None


def test_a_table_takes_the_ties_of_a_model_apart_where_it_says_so() -> None:
    seen = snapshot_of(SIX)
    tied = Design.parse("tied;cycle").plan(seen).apply(seen)
    assert Design.parse("a:own;f:own;n:own;tie:0").plan(tied).apply(tied) == seen
    assert Design.parse("tie:0").plan(tied).apply(tied) == Design.parse("cycle").plan(seen).apply(seen)
