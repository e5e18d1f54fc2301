"""Sharing across depth, against closed forms and the tables of the papers."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.errors import PlanError
from shareviz.layers import sharing_map, stacks
from shareviz.models import snapshot_of
from shareviz.options import settle
from shareviz.plan import Plan
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies
from shareviz.strategies.depth import cycle_rows, reversed_rows, sandwich_rows, sequence_rows
from shareviz.strategies.interval import interval_rows

look = functools.cache(snapshot_of)


def planned(seen: Snapshot, name: str, **options: object) -> Plan:
    strategy = strategies()[name]
    return strategy.plan(seen, settle(strategy.options, options))


def stored(seen: Snapshot, name: str, **options: object) -> int:
    return tally(planned(seen, name, **options).apply(seen)).stored


def attention(d: int) -> int:
    return 4 * d * d + 4 * d


def forward(d: int, f: int) -> int:
    return 2 * d * f + f + d


@settings(deadline=None, max_examples=25)
@given(d=draw.sampled_from([8, 16]), layers=draw.integers(2, 6), rows=draw.integers(1, 6))
def test_the_stored_count_is_rows_times_a_block(d: int, layers: int, rows: int) -> None:
    seen = look(f"language_model?layers={layers}&width={d}&heads=2&vocab=20&context=4")
    outside = 2 * 20 * d + 4 * d + 2 * d  # two tables, positions, last norm
    part, norms = attention(d) + forward(d, 4 * d), 4 * d
    if rows > layers:
        with pytest.raises(PlanError, match=f"Choose stored from 1 to {layers}"):
            planned(seen, "cycle", stored=rows)
        return
    for name in ("sequence", "cycle", "reversed"):
        assert stored(seen, name, stored=rows) == outside + rows * part + layers * norms
        assert stored(seen, name, stored=rows, norms="shared") == outside + rows * (part + norms)


@pytest.mark.parametrize(
    ("parts", "kept"),
    [("both", (1, 1)), ("attention", (1, 4)), ("feed-forward", (4, 1))],
)
def test_a_part_takes_its_own_norm_along(parts: str, kept: tuple[int, int]) -> None:
    seen = look("vit?layers=4&width=16&heads=2&image=16&patch=8&classes=4")
    outside = tally(seen).stored - 4 * (attention(16) + forward(16, 64) + 64)
    blocks = kept[0] * (attention(16) + 32) + kept[1] * (forward(16, 64) + 32)
    assert stored(seen, "all", parts=parts, norms="shared") == outside + blocks


@given(layers=draw.integers(1, 40), rows=draw.integers(1, 40))
def test_every_pattern_stores_as_many_rows_as_asked_for(layers: int, rows: int) -> None:
    for pattern in (sequence_rows, cycle_rows, reversed_rows):
        table = pattern(layers, rows)
        assert len(table) == layers
        assert set(table) == set(range(min(layers, rows)))
    assert list(sequence_rows(layers, rows)) == sorted(sequence_rows(layers, rows))


def test_the_reversed_cycle_is_the_one_of_the_paper() -> None:
    assert reversed_rows(9, 3) == (0, 1, 2, 0, 1, 2, 2, 1, 0)
    # N = 18, M = 6: two rounds forwards, one back
    assert reversed_rows(18, 6) == (*range(6), *range(6), *range(5, -1, -1))


def test_a_sandwich_keeps_its_ends() -> None:
    assert sandwich_rows(12, 1, 1) == (0, *(1,) * 10, 2)
    # prelude 2, a loop of 4 twice, coda 2
    assert sandwich_rows(12, 2, 4) == (0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7)
    seen = look("language_model?layers=12&width=8&heads=2&vocab=20&context=4")
    (stack,) = stacks(seen)
    found = sharing_map(planned(seen, "sandwich", ends=2, middle=4).apply(seen), stack)
    assert found.blocks == 12  # norms stay own
    assert len(set(found.row("attention.q.weight"))) == 8


def test_a_sandwich_needs_a_middle() -> None:
    seen = look("language_model?layers=4&width=8&heads=2&vocab=20&context=4")
    with pytest.raises(PlanError, match="Choose ends up to 1"):
        planned(seen, "sandwich", ends=2)


def test_each_stack_of_a_translator_follows_the_pattern() -> None:
    # Takase and Kiyono (2021), table 1: 61 M at 6 of 12 and at 6 of 18 layers, three-way tied
    for layers in (12, 18):
        text = f"encoder_decoder?encoder_layers={layers}&decoder_layers={layers}&vocab=33000"
        seen = look(text)
        tied = planned(seen, "tied").apply(seen)
        for name in ("sequence", "cycle", "reversed"):
            assert stored(tied, name, stored=6, norms="shared") == 61_034_496


def test_the_universal_transformer_stores_one_layer_of_each_side() -> None:
    # Dehghani et al. (2018), table 7, base: 65 M; d = 1024, 6 + 6 steps
    seen = look("encoder_decoder?width=1024&heads=16&vocab=33708")
    tied = planned(seen, "tied").apply(seen)
    assert stored(tied, "all", norms="shared") == 63_909_888


def test_the_albert_rows_at_full_embedding_width() -> None:
    # Lan et al. (2019), tables 3 and 4, E = 768, with the pooler
    seen = look("encoder?vocab=30000")
    assert stored(seen, "all", norms="shared") == 31_114_752
    assert stored(seen, "all", norms="shared", parts="attention") == 83_078_400
    assert stored(seen, "all", norms="shared", parts="feed-forward") == 57_117_696


def test_the_gpt_numbers_of_the_savings_page() -> None:
    seen = look("language_model")
    tied = planned(seen, "tied").apply(seen)
    block = attention(768) + forward(768, 3072)
    assert stored(tied, "cycle") == 124_439_808 - 9 * block == 60_676_608
    assert stored(tied, "all") == 124_439_808 - 11 * block == 46_507_008
    assert stored(tied, "all", parts="attention") == 124_439_808 - 11 * attention(768) == 98_453_760
    assert stored(tied, "all", parts="feed-forward") == 124_439_808 - 11 * forward(768, 3072) == 72_493_056


def test_without_layers_the_sentence_offers_the_tie() -> None:
    seen = look("language_model?layers=1&width=8&heads=2&vocab=20&context=4")
    with pytest.raises(PlanError) as caught:
        planned(seen, "all")
    assert caught.value.message == "No repeated layers found, so there is nothing to share across depth."
    assert caught.value.hint == "Token table and head can still be tied: saves 160."  # 20 × 8


def test_layers_of_different_shape_keep_rows_apart() -> None:
    from torch import nn

    from shareviz.capture import capture

    sizes = [(4, 8), (8, 8), (8, 8), (8, 8)]
    seen = capture(nn.Sequential(*(nn.Linear(a, b, device="meta") for a, b in sizes)))
    after = planned(seen, "all").apply(seen)
    # weights 8×4 and one 8×8; the biases are all alike
    assert tally(after).stored == 32 + 64 + 8


def test_parts_that_are_not_there_are_named() -> None:
    from torch import nn

    from shareviz.capture import capture

    seen = capture(nn.Sequential(*(nn.Linear(8, 8, device="meta") for _ in range(3))))
    with pytest.raises(PlanError, match="hold no attention weights"):
        planned(seen, "all", parts="attention")


def test_a_sandwich_that_leaves_nothing_to_share_is_refused() -> None:
    seen = snapshot_of("language_model?layers=3&width=16&heads=2&vocab=64")
    with pytest.raises(PlanError, match="all 3 layers keep their own block"):
        planned(seen, "sandwich")


def test_a_middle_of_several_blocks_is_called_a_middle_cycle() -> None:
    label = strategies()["sandwich"].label
    turns = {"ends": 1, "middle": 1, "parts": "both", "norms": "own"}
    assert label(turns) == "Sandwich"
    assert label({**turns, "middle": 3}) == "Middle cycle 3"
    assert label({**turns, "ends": 2, "middle": 3}) == "Middle cycle 3, 2 at each end"


def test_half_of_the_layers_in_sequence_are_pairs() -> None:
    # Liu et al. (2024), MobileLLM-LS: each block runs twice in a row; the last is alone if they are odd
    for layers in range(2, 40):
        assert sequence_rows(layers, (layers + 1) // 2) == tuple(layer // 2 for layer in range(layers))


@given(layers=draw.integers(1, 40), every=draw.integers(2, 12), blocks=draw.integers(1, 4))
def test_a_shared_block_ends_each_interval_and_the_others_are_own(
    layers: int, every: int, blocks: int
) -> None:
    rows = interval_rows(layers, every, blocks)
    places = range(every - 1, layers, every)
    shared = [rows[place] for place in places]
    assert all(shared[turn] == shared[turn % blocks] for turn in range(len(shared)))
    assert len(set(rows)) == layers - max(0, len(places) - blocks)
    assert list(dict.fromkeys(rows)) == list(range(len(set(rows))))  # numbered by first use


def test_an_interval_stores_one_block_for_all_its_places() -> None:
    seen = look("language_model?layers=9&width=8&heads=2&vocab=20&context=4")
    block = attention(8) + forward(8, 32)
    assert tally(seen).stored - stored(seen, "interval", every=3) == 2 * block
    assert tally(seen).stored - stored(seen, "interval", every=2, blocks=2) == 2 * block
    with pytest.raises(PlanError, match="Choose every from 2 to 4"):
        planned(seen, "interval", every=6)
    for blocks, hint in ((3, "Choose every = 2"), (8, "Choose fewer blocks")):
        with pytest.raises(PlanError, match=hint):
            planned(seen, "interval", every=9, blocks=blocks)


def test_layers_that_run_one_block_at_intervals_compute_what_that_block_computes() -> None:
    import torch

    from shareviz.models import build
    from shareviz.realize import realize

    text = "language_model?layers=4&width=8&heads=2&vocab=20&context=4"
    module = build(text, device="cpu", seed=1)
    shared = realize(planned(look(text), "interval", every=2, norms="shared"), module)
    copied = build(text, device="cpu", seed=1)
    copied.blocks[3].load_state_dict(copied.blocks[1].state_dict())
    tokens = torch.randint(20, (2, 4))
    torch.testing.assert_close(shared(tokens), copied(tokens))
