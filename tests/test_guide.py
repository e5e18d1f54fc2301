"""The guide: every rule is measured, sourced and bounded; the order follows what hurts."""

from __future__ import annotations

import functools

import pytest

import shareviz
from shareviz.design import Design
from shareviz.effects import effects
from shareviz.guide import BUILDS, CANNOT, EXAMPLES, HURTS, Situation, builds_of, guide, rules
from shareviz.ledger import ledger
from shareviz.models import snapshot_of
from shareviz.options import parse
from shareviz.sharing import tally
from shareviz.strategies import strategies

look = functools.cache(snapshot_of)
SMALL = {
    "language-model": "language_model?layers=6&width=16&heads=4&vocab=400&context=8",
    "encoder": "encoder?layers=6&width=16&heads=4&vocab=400&context=8",
    "classifier": "vit?layers=6&width=16&heads=4&image=8&patch=4&classes=3",
    "fine-tuning": "encoder?layers=6&width=16&heads=4&vocab=400&context=8",
}
EVERYTHING = tuple(HURTS)


def model(builds: str) -> shareviz.Snapshot:
    return look(SMALL.get(builds, EXAMPLES[builds]))


@pytest.mark.parametrize("name", rules())
def test_every_rule_is_whole_and_its_evidence_has_a_source(name: str) -> None:
    rule = rules()[name]
    assert rule.name == name
    assert rule.fits and rule.fits <= set(BUILDS)
    assert rule.eases and set(rule.eases) <= set(HURTS)
    assert set(rule.eases.values()) <= {1, 2, 3}
    assert all(text.endswith(".") for text in (rule.saves, rule.keeps, rule.limits))
    assert all(effects()[key].source for key in (*rule.pro, *rule.con))
    for builds in rule.fits:
        text = rule.steps(model(builds))
        assert not text or parse(text)[0] in strategies()


@pytest.mark.parametrize("name", rules())
def test_every_rule_eases_what_it_says_on_some_model(name: str) -> None:
    rule = rules()[name]
    claimed = {HURTS[hurt][1] for hurt in rule.eases if hurt != "speed"}  # speed: said in words
    best: dict[str, float] = {}
    for builds in rule.fits:
        for advice in guide(model(builds), Situation(builds, EVERYTHING, trained=True)):
            if advice.rule is rule:
                for line in advice.lines:
                    if line.kept is not None:
                        best[line.after.key] = min(best.get(line.after.key, 1.0), line.kept)
    if name == "lora" or name == "shared-corrections":
        claimed -= {"weights"}  # overfitting: fewer are trained, not stored
    assert {key for key in claimed if best.get(key, 1.0) >= 1} == set()


@pytest.mark.parametrize("builds", BUILDS)
def test_every_situation_has_an_approach_that_applies_to_its_example(builds: str) -> None:
    found = guide(model(builds), Situation(builds, EVERYTHING, trained=True))
    assert found
    assert not found[0].why_not
    assert [bool(one.why_not) for one in found] == sorted(bool(one.why_not) for one in found)


def test_the_savings_are_those_of_the_design_that_the_button_opens() -> None:
    seen = model("language-model")
    for advice in guide(seen, Situation("language-model", ("disk", "kv"), trained=True)):
        if not advice.why_not and advice.design:
            after = Design.parse(advice.design).plan(seen).apply(seen)
            (weights,) = [line for line in advice.lines if line.after.key == "weights"]
            assert weights.after.value == 4 * tally(after).stored
            assert weights.before.value == ledger(seen).row("weights").value


def test_what_hurts_decides_the_order() -> None:
    seen = model("language-model")
    assert guide(seen, Situation("language-model", ("kv",)))[0].rule.name == "kv-heads"
    assert guide(seen, Situation("language-model", ("disk",)))[0].rule.name in ("tied", "sandwich")
    assert guide(seen, Situation("language-model", ("speed",)))[0].rule.name == "low-rank"
    assert not guide(seen, Situation("language-model", ()))


def test_weight_sharing_is_never_offered_for_speed_or_the_cache() -> None:
    for hurt in ("speed", "kv"):
        assert hurt in CANNOT
        for builds in BUILDS:
            for advice in guide(model(builds), Situation(builds, (hurt,), trained=True)):
                assert not advice.rule.shares or advice.rule.name.startswith("kv-")


def test_corrections_on_trained_weights_are_offered_only_where_there_are_such() -> None:
    seen = model("language-model")
    names = {one.rule.name for one in guide(seen, Situation("language-model", ("disk",)))}
    with_weights = {one.rule.name for one in guide(seen, Situation("language-model", ("disk",), True))}
    assert "relaxed" in with_weights - names


def test_a_situation_is_read_back_from_its_link() -> None:
    for situation in (Situation(), Situation("encoder", ("kv", "disk"), True), Situation("recurrent", ())):
        assert Situation.parse(situation.text) == situation
    assert Situation.parse("nonsense~disk") is None
    assert Situation.parse("encoder~nonsense") is None
    with pytest.raises(ValueError, match="nonsense"):
        Situation("nonsense")


@pytest.mark.parametrize("builds", [name for name in BUILDS if name != "fine-tuning"])
def test_an_open_model_is_recognised(builds: str) -> None:
    assert builds_of(model(builds)) == builds


def test_the_guide_is_a_public_name_and_plain_data() -> None:
    (first, *_) = shareviz.guide(model("two-sided"), Situation("two-sided", ("disk",)))
    data = first.data()
    assert data["measured"]["disk"][1] < data["measured"]["disk"][0]
    assert all("arXiv" in said or "20" in said for said in (*data["for"], *data["against"]))
