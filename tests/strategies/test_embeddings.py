"""Tied and factorised tables, against V·d and V·E + E·d."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.errors import PlanError
from shareviz.models import snapshot_of
from shareviz.options import settle
from shareviz.plan import Plan
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies

look = functools.cache(snapshot_of)
TINY = "language_model?layers=2&width=16&heads=2&vocab=100&context=4"
PAIR = "encoder_decoder?encoder_layers=1&decoder_layers=1&width=16&heads=2&vocab=100"


def planned(seen: Snapshot, name: str, **options: object) -> Plan:
    strategy = strategies()[name]
    return strategy.plan(seen, settle(strategy.options, options))


def test_a_tie_saves_a_table_and_three_ways_save_two() -> None:
    for text, tables in ((TINY, 1), (PAIR, 2)):
        after = planned(look(text), "tied").apply(look(text))
        assert tally(after).saved_by_ties == tables * 100 * 16
    (group,) = tied_groups(planned(look(PAIR), "tied").apply(look(PAIR)))
    assert group.names == ("encoder.tok_emb.weight", "decoder.tok_emb.weight", "head.weight")


def test_the_head_alone_ties_to_the_decoder() -> None:
    after = planned(look(PAIR), "tied", tables="head").apply(look(PAIR))
    (group,) = tied_groups(after)
    assert group.names == ("decoder.tok_emb.weight", "head.weight")


def test_a_tied_model_cannot_be_tied_again() -> None:
    after = planned(look(TINY), "tied").apply(look(TINY))
    with pytest.raises(PlanError, match="already one tensor"):
        planned(after, "tied")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vit", "No token table"),
        ("encoder?layers=1", "No output head"),
        ("encoder?layers=1&output=class", r"different shapes \(30522×768, 2×768\)"),
    ],
)
def test_where_a_tie_is_impossible_it_says_why(text: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        planned(look(text), "tied")


@settings(deadline=None, max_examples=20)
@given(rank=draw.integers(1, 20))
def test_a_factorised_table_stores_two_narrow_ones(rank: int) -> None:
    seen = look(TINY)
    if rank * (100 + 16) >= 100 * 16:  # 13 is the last rank that saves
        with pytest.raises(PlanError, match="Choose rank from 1 to 13"):
            planned(seen, "factorised", rank=rank)
        return
    after = planned(seen, "factorised", rank=rank).apply(seen)
    assert tally(seen).stored - tally(after).stored == 100 * 16 - rank * (100 + 16)


def test_a_tied_head_reads_the_same_factors() -> None:
    tied = planned(look(TINY), "tied").apply(look(TINY))
    after = planned(tied, "factorised", rank=4).apply(tied)
    assert tally(tied).stored - tally(after).stored == 100 * 16 - 4 * 116
    assert {weight.name for weight in after.derived} == {"tok_emb.weight", "head.weight"}
    assert all(len(group.names) == 2 for group in tied_groups(after))


def test_albert_base_breaks_even_below_the_width() -> None:
    # V·d / (V + d) = 30000 · 768 / 30768 = 748.8: rank 748 still saves, 749 does not
    seen = look("encoder?layers=1&vocab=30000")
    planned(seen, "factorised", rank=748)
    with pytest.raises(PlanError, match="Choose rank from 1 to 748"):
        planned(seen, "factorised", rank=749)


def test_a_table_made_of_pieces_is_not_made_again() -> None:
    once = planned(look(TINY), "factorised", rank=4).apply(look(TINY))
    for name in ("factorised", "tied"):
        with pytest.raises(PlanError):
            planned(once, name)
