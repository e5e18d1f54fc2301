"""Counting under a plan without the model under it: equal to the slow way, for every strategy and value."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.capacity import capacity, covered
from shareviz.design import Design
from shareviz.errors import PlanError
from shareviz.models import snapshot_of
from shareviz.options import settle
from shareviz.plan import Plan
from shareviz.planned import Planned, planned
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies
from shareviz.sweep import numbers, thinned
from shareviz.turns import choices
from tests.plans import MODELS, SMALL, on_meta, plans


def slowly(snapshot: Snapshot, plan: Plan) -> Planned:
    """What the model under the plan says of itself."""
    after = plan.apply(snapshot)
    counts = tally(after)
    return Planned(counts.stored, counts.used, capacity(after) if covered(after) else None)


@functools.cache
def look(name: str) -> Snapshot:
    return snapshot_of(SMALL[name])


@pytest.mark.parametrize("model", SMALL)
def test_every_value_of_every_strategy_counts_as_its_model_does(model: str) -> None:
    seen = look(model)
    starts = [seen, *(Design.parse(text).plan(seen).apply(seen) for text in usable(seen))]
    for start in starts:
        for name, strategy in strategies().items():
            values = settle(strategy.options, {})
            turned = [values]
            for option in numbers(strategy):
                offered = thinned(choices(strategy, option, values, start), values[option.name])
                turned += [{**values, option.name: value} for value in offered]
            for tried in turned:
                try:
                    plan = strategy.plan(start, tried)
                    wanted = slowly(start, plan)
                except PlanError:
                    continue
                assert planned(start, plan) == wanted, (name, dict(tried))


def usable(seen: Snapshot) -> list[str]:
    """Designs that leave a model with ties and pieces for the next strategy to meet."""
    found = []
    for text in ("tied", "all?parts=attention", "factorised?rank=2", "gqa?kv_heads=1"):
        try:
            Design.parse(text).plan(seen)
        except PlanError:
            continue
        found.append(text)
    return found


@settings(deadline=None, max_examples=60)
@given(draw.data())
def test_any_plan_counts_as_its_model_does(data: draw.DataObject) -> None:
    _, seen = on_meta(data.draw(draw.sampled_from(sorted(MODELS))))
    plan = data.draw(plans(seen))
    try:
        wanted = slowly(seen, plan)
    except PlanError:
        return
    assert planned(seen, plan) == wanted
