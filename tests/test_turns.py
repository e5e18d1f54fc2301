"""No control offers what the model refuses, and none hides what it takes."""

from __future__ import annotations

import pytest

from shareviz.models import snapshot_of
from shareviz.options import settle
from shareviz.strategies import applies, strategies
from shareviz.sweep import numbers, turnable
from shareviz.turns import choices
from tests.plans import SMALL


@pytest.mark.parametrize("model", [*SMALL.values(), "ring"])
def test_a_number_that_the_model_refuses_is_not_offered_as_the_present_one(model: str) -> None:
    seen = snapshot_of(model)
    for strategy in strategies().values():
        values = settle(strategy.options, {})
        refused = applies(strategy, seen, values)
        for option in numbers(strategy):
            offered = choices(strategy, option, values, seen)
            if not refused:
                assert values[option.name] in offered
    assert set(turnable(seen)) <= {turn.name for one in strategies().values() for turn in numbers(one)}


def test_three_stored_blocks_are_not_offered_where_two_layers_stand() -> None:
    seen = snapshot_of("language_model?layers=2&width=8&heads=2&vocab=6&context=9")
    strategy = strategies()["cycle"]
    (option,) = numbers(strategy)
    assert choices(strategy, option, settle(strategy.options, {}), seen) == (1, 2)


def test_a_part_that_the_model_lacks_is_not_offered_even_when_it_is_chosen() -> None:
    seen = snapshot_of("ring")
    strategy = strategies()["cycle"]
    option = next(turn for turn in strategy.options if turn.name == "parts")
    values = settle(strategy.options, {"parts": "attention"})
    assert "attention" not in choices(strategy, option, values, seen)
