"""Curves over one number: each point against a closed form, and which ways no other way beats."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.cli import main
from shareviz.errors import OptionError, PlanError
from shareviz.models import snapshot_of
from shareviz.options import settle
from shareviz.strategies import strategies
from shareviz.sweep import MOST, Curve, Place, dominated, numbers, sweeps, sweeps_of, thinned, turnable
from shareviz.turns import choices

look = functools.cache(snapshot_of)

# width 16, 6 layers: attention 4 · (16² + 16) = 1,088; feed-forward 2 · 16 · 64 + 64 + 16 = 2,128
LAYERS, WIDTH, VOCAB, LENGTH = 6, 16, 40, 8
TINY = f"language_model?layers={LAYERS}&width={WIDTH}&heads=4&vocab={VOCAB}&context={LENGTH}"
ATTENTION, FEED_FORWARD, NORMS = 1_088, 2_128, 4 * WIDTH
# token table, positions, last norm, head
REST = VOCAB * WIDTH + LENGTH * WIDTH + 2 * WIDTH + VOCAB * WIDTH + LAYERS * NORMS
BLOCK = ATTENTION + FEED_FORWARD


def curve(text: str, option: str, model: str = TINY) -> dict[float, int]:
    (found,) = (one for one in sweeps_of(text, look(model)) if one.option == option)
    return {point.value: point.stored for point in found.points}


@pytest.mark.parametrize("name", ["cycle", "sequence", "reversed"])
def test_stored_blocks_cost_a_block_each(name: str) -> None:
    assert curve(name, "stored") == {u: REST + u * BLOCK for u in range(1, LAYERS + 1)}


def test_one_part_alone_leaves_the_other_to_every_layer() -> None:
    found = curve("cycle?parts=attention", "stored")
    assert found == {u: REST + LAYERS * FEED_FORWARD + u * ATTENTION for u in range(1, LAYERS + 1)}


def test_shared_norms_go_with_their_block() -> None:
    shared = REST - LAYERS * NORMS
    assert curve("cycle?norms=shared", "stored") == {
        u: shared + u * (BLOCK + NORMS) for u in range(1, LAYERS + 1)
    }


def test_a_sandwich_stores_both_ends_and_its_middle() -> None:
    assert curve("sandwich", "ends") == {e: REST + (2 * e + 1) * BLOCK for e in range(3)}
    assert curve("sandwich", "middle") == {m: REST + (2 + m) * BLOCK for m in range(1, 4)}


def test_a_kv_head_costs_a_key_and_a_value_in_each_layer() -> None:
    # of 4 heads of size 4: a KV head has 4 · 16 weights and 4 biases, for keys and for values
    full = REST + LAYERS * BLOCK
    assert curve("gqa", "kv_heads") == {g: full - LAYERS * 2 * (4 - g) * (4 * 16 + 4) for g in (1, 2, 4)}


def test_a_rank_costs_a_row_and_a_column() -> None:
    found = curve("factorised?rank=2", "rank", f"{TINY}&vocab=400".replace("vocab=40&", ""))
    steps = {high - low for low, high in zip(found, list(found)[1:], strict=False)}
    assert steps == {1, 2, 4}
    per_rank = {(found[high] - found[low]) / (high - low) for low, high in ((1, 2), (2, 4), (4, 8))}
    assert len(per_rank) == 1
    assert per_rank.pop() % (400 + WIDTH) == 0  # one table, or the table and the head


def test_used_does_not_fall_with_what_is_stored() -> None:
    (found,) = sweeps_of("cycle", look(TINY))
    assert len({point.used for point in found.points}) == 1


def test_the_fit_ends_at_eight_repeats() -> None:
    (found,) = sweeps_of("cycle?norms=shared", look(TINY.replace("layers=6", "layers=18")))
    inside = {point.value: point.estimate.inside for point in found.points if point.estimate}
    assert [value for value, covered in inside.items() if not covered] == [1, 2]  # 18 and 9 repeats
    assert found.data()["points"][1]["extrapolated"] is True


@functools.cache
def every(model: str) -> tuple[Curve, ...]:
    return sweeps(look(model))


@pytest.mark.parametrize("model", [TINY, "ring"])
def test_every_number_of_every_strategy_that_moves_has_one_curve(model: str) -> None:
    found = every(model)
    assert len({(one.strategy, one.option) for one in found}) == len(found)
    for one in found:
        strategy = strategies()[one.strategy]
        option = next(turn for turn in numbers(strategy) if turn.name == one.option)
        offered = choices(strategy, option, settle(strategy.options, {}), look(model))
        values = [point.value for point in one.points]
        assert values == sorted(set(values))
        assert set(values) <= set(offered)
        assert 1 < len(values) <= MOST


@settings(deadline=None, max_examples=80)
@given(draw.sets(draw.integers(1, 500), min_size=1), draw.data())
def test_thinning_keeps_the_ends_and_the_present_value(values: set[int], data: draw.DataObject) -> None:
    ordered = sorted(values)
    present = data.draw(draw.sampled_from(ordered))
    kept = thinned(ordered, present)
    assert {ordered[0], ordered[-1], present} <= set(kept) <= values
    assert len(kept) <= MOST
    assert kept == sorted(set(kept))


PLACES = draw.builds(Place, draw.integers(0, 6), draw.integers(0, 6).map(float), draw.booleans())


@settings(deadline=None, max_examples=150)
@given(draw.lists(PLACES, max_size=12))
def test_what_is_left_is_a_stair_that_covers_every_way_inside_the_fit(places: Sequence[Place]) -> None:
    beaten = dominated(places)
    free = [place for place, lost in zip(places, beaten, strict=True) if not lost and place.inside]
    stair = sorted({(place.stored, place.acts_like) for place in free})
    assert all(low[0] < high[0] and low[1] < high[1] for low, high in itertools.pairwise(stair))
    for place, lost in zip(places, beaten, strict=True):
        if lost:  # some way of the stair is as small and as able
            assert any(stored <= place.stored and acts >= place.acts_like for stored, acts in stair)


def test_a_guess_beats_nothing() -> None:
    assert dominated([Place(1, 9.0, inside=False), Place(2, 2.0, inside=True)]) == (False, False)


def test_what_cannot_be_swept_is_refused_with_a_way_out() -> None:
    with pytest.raises(OptionError, match="has no number") as refused:
        sweeps_of("all", look(TINY))
    assert "cycle" in refused.value.hint
    with pytest.raises(OptionError, match="is no strategy"):
        sweeps_of("cyclone", look(TINY))
    with pytest.raises(PlanError, match=r"[Nn]o repeated layers"):
        sweeps_of("cycle", look("siamese"))


def test_the_command_says_what_the_curve_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["savings", f"catalogue:{TINY}", "--sweep", "cycle", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["stored"] == REST + LAYERS * BLOCK
    (found,) = said["curves"]
    assert (found["strategy"], found["option"]) == ("cycle", "stored")
    assert [(point["value"], point["stored"]) for point in found["points"]] == [
        (u, REST + u * BLOCK) for u in range(1, LAYERS + 1)
    ]
    assert main(["savings", f"catalogue:{TINY}", "--sweep", "sandwich"]) == 0
    assert "Sandwich" in capsys.readouterr().out
    assert main(["savings", f"catalogue:{TINY}", "--sweep", "all", "--json"]) == 2
    assert "no number" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_number_of_several_strategies_has_their_most_common_word() -> None:
    assert turnable(look(TINY))["rank"] == "Rank"
