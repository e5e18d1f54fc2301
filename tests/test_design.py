"""Designs as text: the same both ways, folded in order, hostile text refused with a way out."""

from __future__ import annotations

import base64
import functools
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.capture import capture
from shareviz.design import LONGEST, PLAN_BYTES, Design, Step, presets
from shareviz.errors import OptionError, PlanError, SharevizError
from shareviz.jsonio import plan_to_json
from shareviz.models import build, catalogue, snapshot_of
from shareviz.options import Option, settle
from shareviz.plan import Plan, tie
from shareviz.realize import realize
from shareviz.sharing import tally
from shareviz.strategies import strategies

look = functools.cache(snapshot_of)
TINY = "language_model?layers=4&width=16&heads=4&vocab=40&context=8"


def turns(option: Option) -> draw.SearchStrategy[object]:
    if option.choices:
        return draw.sampled_from(option.choices)
    assert option.low is not None
    assert option.high is not None
    return draw.integers(int(option.low), int(option.high))


@draw.composite
def steps(pick: draw.DrawFn) -> Step:
    strategy = strategies()[pick(draw.sampled_from(sorted(strategies())))]
    values = {option.name: pick(turns(option)) for option in strategy.options}
    return Step(strategy.name, tuple(settle(strategy.options, values).items()))


@settings(deadline=None)
@given(draw.lists(steps(), max_size=4))
def test_a_design_is_read_back_from_its_text(made: list[Step]) -> None:
    design = Design(tuple(made))
    assert Design.parse(design.text) == design


def test_defaults_are_left_out_and_filled_in() -> None:
    design = Design.parse("tied;cycle?stored=3&parts=both&norms=own")
    assert design.text == "tied;cycle"
    assert design == Design.parse("tied;cycle")
    assert Design.parse("") == Design()
    assert Design().text == ""


def test_a_painted_plan_travels_packed() -> None:
    plan = Plan((tie("blocks.1.ffn.up.weight", "blocks.0.ffn.up.weight"),), "Own plan")
    design = Design(painted=plan)
    assert design.text.startswith("z:")
    assert Design.parse(design.text).plan(look(TINY)) == plan


@given(draw.text(max_size=60))
def test_any_text_is_a_design_or_refused_with_a_way_out(text: str) -> None:
    try:
        Design.parse(text)
    except SharevizError as error:
        assert isinstance(error, OptionError)
        assert error.hint.endswith(".")


@given(draw.binary(max_size=60))
def test_any_packed_bytes_are_a_plan_or_refused(data: bytes) -> None:
    for packed in (data, zlib.compress(data)):
        with pytest.raises(OptionError):
            Design.parse("z:" + base64.urlsafe_b64encode(packed).decode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x" * (LONGEST + 1), "65,537 characters"),
        ("tied;" * 9, "10 steps"),
        ("cycle?stored=0", "out of range"),
        ("cycle?stored=3&colour=red", "no option 'colour'"),
        ("tied;;cycle", "no strategy ''"),
        ("a\u202eb", r"\\u202e"),
        ("z:", "damaged"),
        ("z:!!!!", "damaged"),
    ],
)
def test_bad_text_is_named(text: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Design.parse(text)


def test_a_packed_bomb_is_not_unpacked() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * (PLAN_BYTES + 1), 9)).decode()
    assert len(bomb) < LONGEST
    with pytest.raises(OptionError, match="too large"):
        Design.parse(f"z:{bomb}")


def test_a_cut_link_is_damaged() -> None:
    whole = Design(painted=Plan((tie("a", "b"),), "x")).text
    with pytest.raises(OptionError, match="damaged"):
        Design.parse(whole[:-6])
    assert "shareviz.plan" in plan_to_json(Plan())


def test_forms_come_after_ties() -> None:
    seen = look(TINY)
    after = Design.parse("tied;cycle?stored=2;gqa?kv_heads=1;factorised?rank=4").plan(seen).apply(seen)
    assert tally(after).stored < tally(Design.parse("tied;cycle?stored=2").plan(seen).apply(seen)).stored
    with pytest.raises(PlanError, match="ties before forms"):
        Design.parse("gqa?kv_heads=1;cycle?stored=2").plan(seen)


def test_a_folded_design_is_realized_as_counted() -> None:
    module = build(TINY)
    design = Design.parse("tied;cycle?stored=2&norms=shared;gqa?kv_heads=2;factorised?rank=4")
    plan = design.plan(capture(module))
    assert capture(realize(plan, module)) == plan.apply(capture(module))


@pytest.mark.parametrize("model", sorted(catalogue()))
def test_presets_of_every_model_apply_and_carry_their_titles(model: str) -> None:
    seen = look(model)
    found = presets(seen)
    assert found[0].title == "None"
    assert len(found) > 1
    assert len({preset.key for preset in found}) == len(found)
    for preset in found:
        after = preset.design.plan(seen).apply(seen)
        assert tally(after).stored <= tally(seen).stored
        assert preset.design.title(seen) == preset.title
        assert Design.parse(preset.design.text) == preset.design


def test_the_presets_of_gpt_are_those_of_the_page() -> None:
    seen = look("language_model")
    stored = {p.title: tally(p.design.plan(seen).apply(seen)).stored for p in presets(seen)}
    # millions as on the page: 163.0, 124.4, 98.5, 72.5, 60.7 four times, 46.5
    assert [(title, round(number / 1e5)) for title, number in stored.items()][:9] == [
        ("None", 1630),
        ("Tied embeddings", 1244),
        ("Attention only", 985),
        ("Feed-forward only", 725),
        ("Sequence 3", 607),
        ("Cycle 3", 607),
        ("Cycle 3 reversed", 607),
        ("Sandwich", 607),
        ("All layers", 465),
    ]
    assert list(stored)[9:12] == ["Cycle 3 + rank 8", "4 KV heads", "Factorised 128"]
    assert {preset.title for preset in presets(seen) if preset.more} == set(list(stored)[12:])
    assert list(stored)[12:16] == ["Pairs", "Middle cycle 3", "Shared every 3", "Multi-query"]


def test_a_preset_never_stores_more_than_the_model_that_it_starts_from() -> None:
    for text in (TINY, "language_model?layers=3&width=8&heads=2&vocab=11", "vit?layers=2&width=8&heads=2"):
        for preset in presets(look(text)):
            after = preset.design.plan(look(text)).apply(look(text))
            assert tally(after).stored <= tally(look(text)).stored, (text, preset.title)


def test_the_presets_of_a_shared_model_start_from_it_taken_apart() -> None:
    seen = look(TINY)
    shared = Design.parse("tied;cycle?stored=2").plan(seen).apply(seen)
    for before, after in zip(presets(seen), presets(shared), strict=True):
        assert before.key == after.key
        assert after.design.text.startswith("apart")
        assert before.design.plan(seen).apply(seen) == after.design.plan(shared).apply(shared)


def test_small_stacks_get_fewer_rows() -> None:
    found = {preset.key: preset.title for preset in presets(look("vit?layers=3&width=16&heads=4"))}
    assert found["cycle"] == "Cycle 2"
    assert "sandwich" not in found  # three layers, three blocks: nothing would be shared
    assert "sandwich" in {preset.key for preset in presets(look("vit?layers=4&width=16&heads=4"))}


def test_titles_tell_designs_apart() -> None:
    seen = look("language_model")
    titles = ["tied;cycle", "cycle", "tied;cycle;gqa", "apart;tied;all", "z:", "head"]
    assert Design.parse(titles[0]).title(seen) == "Cycle 3"
    assert Design.parse(titles[1]).title(seen) == "Cycle 3 + head untied"
    assert Design.parse(titles[2]).title(seen) == "Cycle 3 + 4 KV heads"
    assert Design().title(seen) == "None"
    assert Design(painted=Plan()).title(seen) == "Own plan"
