"""Published effects: each has a source, follows from what is shared, and disagreement is kept."""

from __future__ import annotations

import functools

import pytest

from shareviz.design import Design
from shareviz.effects import Finds, Topic, effects, effects_of
from shareviz.models import snapshot_of
from shareviz.shared import shared_words

look = functools.cache(snapshot_of)
TINY = "language_model?layers=12&width=16&heads=4&vocab=400&context=8"


def topics(text: str, model: str = TINY) -> dict[str, Topic]:
    seen = look(model)
    return {topic.title: topic for topic in effects_of(Design.parse(text).plan(seen).apply(seen))}


def words(text: str, model: str = TINY) -> set[str]:
    seen = look(model)
    return set(shared_words(Design.parse(text).plan(seen).apply(seen))) - {"writes text"}


@pytest.mark.parametrize("key", effects())
def test_every_effect_says_who_measured_what_and_where(key: str) -> None:
    effect = effects()[key]
    assert effect.key == key
    assert effect.model and effect.task and effect.text.endswith(".")
    assert any(digit.isdigit() for digit in effect.source), "a year, or an arXiv number"
    assert effect.needs


def test_what_is_shared_is_read_off_the_model() -> None:
    assert words("") == set()
    assert words("all?parts=attention") == {"attention shared", "one block"}
    assert words("all?norms=shared") == {
        "attention shared",
        "feed-forward shared",
        "norms shared",
        "one block",
    }
    assert "neighbours" in words("sequence?stored=6") and "neighbours" not in words("cycle?stored=6")
    assert "own ends" in words("sandwich")
    assert "most layers own" in words("interval?every=4")
    assert words("relaxed?rank=2") >= {"corrections", "several blocks"}
    assert words("lora?rank=1") == {"adapter"}
    assert words("vera?rank=1") == {"shared adapter"}
    assert words("tied") == {"tied tables"}


def test_a_painted_table_gets_what_the_same_strategy_gets() -> None:
    assert topics("a:012012012012;f:=a;n:own;tie:0").keys() == topics("cycle").keys()


def test_sources_that_disagree_stand_together() -> None:
    found = topics("all")["every layer shared"]
    assert found.disputed
    assert {effect.finds for effect in found.effects} >= {Finds.WORSE, Finds.BETTER}
    assert topics("factorised?rank=2")["narrow token table"].disputed
    assert not topics("all?parts=attention")["attention shared"].disputed


def test_an_effect_of_images_is_not_told_of_text() -> None:
    keys = {effect.key for effect in topics("all")["every layer shared"].effects}
    seen = {effect.key for effect in topics("all", "vit")["every layer shared"].effects}
    assert "minivit" in seen - keys


@pytest.mark.parametrize("text", ["", "hash_embeddings?buckets=20", "interval?every=4", "low_rank?rank=2"])
def test_where_nothing_is_known_there_is_nothing(text: str) -> None:
    assert topics(text) == {}
