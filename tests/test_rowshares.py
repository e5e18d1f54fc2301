"""Rows that share: the plan ties what the table says, it is read back, and sizes that differ are named."""

from __future__ import annotations

import functools

import pytest

from shareviz.capture import capture
from shareviz.design import Design
from shareviz.layertable import Flow, RowError
from shareviz.models import build, settled, snapshot_of
from shareviz.models.layers import flow_of
from shareviz.realize import realize
from shareviz.rowshares import partners, share_plan, shared_design, shares_of
from shareviz.sharing import tally, tied_groups

TEXT = "layers?rows=embedding-20-8~block-2-x4~linear-8~block-2-x2~linear-8~linear-4~head-20"
CLASSIFIER = "layers?rows=embedding-20-8~block-2-x4~head-20"
look = functools.cache(snapshot_of)
BLOCK = 12 * 8 * 8 + 13 * 8


def table_of(text: str) -> Flow:
    return flow_of(settled(text)[1])


@pytest.mark.parametrize(
    ("shares", "saved"),
    [
        ({2: 2}, 3 * BLOCK),  # one block for all four
        ({4: 2}, 2 * BLOCK),  # two blocks read the first two of four
        ({5: 3}, 72),
        ({2: 2, 4: 2}, 5 * BLOCK),
        ({4: 2, 5: 3}, 2 * BLOCK + 72),
    ],
)
def test_rows_that_share_store_less_and_what_is_shown_is_what_is_built(
    shares: dict[int, int], saved: int
) -> None:
    seen, table = look(TEXT), table_of(TEXT)
    plan = share_plan(table, shares, seen)
    after = plan.apply(seen)
    assert tally(seen).stored - tally(after).stored == saved
    assert capture(realize(plan, build(TEXT))) == after


def test_layers_of_a_longer_row_take_turns_with_those_of_a_shorter_one() -> None:
    text = "layers?input=numbers-4&rows=ffn-2-x2~ffn-2-x5"
    after = share_plan(table_of(text), {2: 1}, look(text)).apply(look(text))
    groups = {group.names for group in tied_groups(after) if group.names[0].endswith("up.weight")}
    assert groups == {
        ("ffns1.0.up.weight", "ffns2.0.up.weight", "ffns2.2.up.weight", "ffns2.4.up.weight"),
        ("ffns1.1.up.weight", "ffns2.1.up.weight", "ffns2.3.up.weight"),
    }


def test_a_head_takes_the_table_and_keeps_its_bias() -> None:
    seen = look(CLASSIFIER)
    after = share_plan(table_of(CLASSIFIER), {3: 1}, seen).apply(seen)
    assert [group.names for group in tied_groups(after)] == [("embedding.weight", "head.weight")]


@pytest.mark.parametrize("shares", [{}, {2: 2}, {4: 2}, {5: 3}, {2: 2, 4: 2, 5: 3}])
def test_the_rows_that_share_are_read_back_from_any_design_that_says_them(shares: dict[int, int]) -> None:
    seen, table = look(TEXT), table_of(TEXT)
    design = Design.parse(shared_design(table, shares, seen, Design()).text)
    assert shares_of(table, design.plan(seen).apply(seen)) == shares


@pytest.mark.parametrize(("shares", "text"), [({}, ""), ({3: 1}, "tied"), ({2: 2}, "a:0*4;f:=a;n:=a;tie:0")])
def test_the_link_says_the_shortest_design(shares: dict[int, int], text: str) -> None:
    table, seen = table_of(CLASSIFIER), look(CLASSIFIER)
    assert shared_design(table, shares, seen, Design()).text == text


def test_rows_share_on_top_of_a_way_to_share() -> None:
    seen, table = look(CLASSIFIER), table_of(CLASSIFIER)
    design = shared_design(table, {3: 1}, seen, Design.parse("cycle?stored=2"))
    assert design.plan(seen).apply(seen) == Design.parse("tied;cycle?stored=2").plan(seen).apply(seen)


@pytest.mark.parametrize(
    ("rows", "shares", "says", "way"),
    [
        (
            "linear-8~linear-4",
            {2: 1},
            "Row 2, linear, cannot share with row 1, linear: its weight is 4×8, that of row 1 is 8×8.",
            "Set its numbers to 8.",
        ),
        ("linear-4~linear-4", {2: 1}, "is 4×4, that of row 1 is 4×8.", "row 2 takes 4, row 1 8"),
        ("linear-4~linear-4", {1: 2}, "Row 1 cannot share with row 2.", "earlier"),
        ("linear-4~linear-4", {2: 2}, "Row 2 cannot share with row 2.", "earlier"),
        ("linear-4~linear-4", {9: 1}, "Row 9 cannot share", "earlier"),
        ("linear-8~activation", {2: 1}, "Row 2 cannot share", "earlier"),
    ],
)
def test_rows_that_cannot_share_are_named(rows: str, shares: dict[int, int], says: str, way: str) -> None:
    text = f"layers?input=numbers-8&rows={rows}"
    with pytest.raises(RowError) as caught:
        share_plan(table_of(text), shares, look(text))
    assert says in caught.value.message
    assert way in caught.value.hint


def test_a_head_of_another_size_says_what_to_set() -> None:
    text = "layers?rows=embedding-20-8~linear-6~head-10"
    with pytest.raises(RowError) as caught:
        share_plan(table_of(text), {3: 1}, look(text))
    assert caught.value.hint == "Set its classes to 20, what comes into it to 8 numbers."


def test_a_row_is_offered_what_it_could_share_with() -> None:
    table = table_of(TEXT)
    offers = {number: partners(table.rows, number) for number in range(1, 8)}
    assert offers == {1: (), 2: (2,), 3: (), 4: (2, 4), 5: (3,), 6: (3, 5), 7: (1,)}
