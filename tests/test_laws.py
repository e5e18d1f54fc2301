"""The laws of the house, on random plans: what you see is what you train, and the work stays the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from shareviz.capture import capture
from shareviz.clone import clone
from shareviz.errors import PlanError
from shareviz.models import build, inputs_of
from shareviz.options import settle
from shareviz.plan import Plan
from shareviz.realize import bake, realize
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot, Step
from shareviz.strategies import strategies
from shareviz.trace import trace
from shareviz.turns import choices
from tests.plans import MODELS, SMALL, on_meta, plans

T = TypeVar("T")

few = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
fewer = settings(few, max_examples=5)


def work(steps: tuple[Step, ...], after: Snapshot) -> tuple[list[tuple[object, ...]], Counter[str]]:
    """The steps that read weights, less the making of weights; and the elements taken of each name.

    Two names of one module that a plan ties are one tensor to each operation: step by step they go
    by the first of them, and only the sum tells them apart.
    """
    first: dict[object, str] = {}
    alike = {
        slot.name: first.setdefault((slot.module, slot.region, slot.shape), slot.name)
        for slot in after.tensors
    }
    reading = [step for step in steps if step.reads and not step.makes]
    ways = [(step.module, step.call, {alike.get(name, name) for name, _ in step.reads}) for step in reading]
    return ways, Counter(
        {name: sum(dict(step.reads).get(name, 0) for step in reading) for name in names(reading)}
    )


def names(steps: list[Step]) -> set[str]:
    return {name for step in steps for name, _ in step.reads}


def realized_or_refused(plan: Plan, module: nn.Module, seen: Snapshot) -> nn.Module | None:
    """The realized module; None where the plan cannot apply, which both sides must say alike."""
    wanted, made = outcome(lambda: plan.apply(seen)), outcome(lambda: realize(plan, module))
    if isinstance(wanted, str):
        assert made == wanted
        return None
    if isinstance(made, str):
        assert "kept in a list" in made  # only a live module knows its lists
        return None
    assert capture(made) == wanted
    return made


def outcome(act: Callable[[], T]) -> T | str:
    """What an act returns, or the sentence by which it was refused."""
    try:
        return act()
    except PlanError as refusal:
        return refusal.message


@pytest.mark.parametrize("name", MODELS)
@few
@given(data=st.data())
def test_what_is_realized_is_what_the_plan_showed(name: str, data: st.DataObject) -> None:
    module, seen = on_meta(name)
    realized_or_refused(data.draw(plans(seen)), module, seen)
    assert capture(module) == seen


@pytest.mark.parametrize("name", MODELS)
@fewer
@given(data=st.data())
def test_sharing_does_not_change_the_work(name: str, data: st.DataObject) -> None:
    module, seen = on_meta(name)
    given_inputs, named = MODELS[name][1]()
    made = realized_or_refused(data.draw(plans(seen)), module, seen)
    if made is not None:
        before, after = (trace(each, *given_inputs, **named) for each in (module, made))
        assert work(after, capture(made)) == work(before, capture(made))


@pytest.mark.parametrize("name", MODELS)
@settings(fewer, max_examples=8)
@given(data=st.data())
def test_every_strategy_at_every_turn_is_trained_as_counted_and_leaves_the_work(
    name: str, data: st.DataObject
) -> None:
    module, seen = on_meta(name)
    strategy = strategies()[data.draw(st.sampled_from(sorted(strategies())))]
    values = dict(settle(strategy.options, {}))
    for option in strategy.options:  # a control offers no refusal, but the first values may be one
        values[option.name] = data.draw(
            st.sampled_from(choices(strategy, option, values, seen) or (option.default,))
        )
    plan = outcome(lambda: strategy.plan(seen, values))
    if isinstance(plan, str):
        return
    made = realized_or_refused(plan, module, seen)
    if made is not None:
        given_inputs, named = MODELS[name][1]()
        before, after = (trace(each, *given_inputs, **named) for each in (module, made))
        assert work(after, capture(made)) == work(before, capture(made))
        if strategy.name not in (
            "apart",
            "relaxed",
            "lora",
            "vera",
            "tied_lora",
        ):  # what takes ties apart or adds may store more
            assert tally(capture(made)).stored <= tally(seen).stored


@pytest.mark.parametrize("name", SMALL)
@fewer
@given(data=st.data())
def test_a_baked_module_is_plain_and_computes_what_the_realized_one_does(
    name: str, data: st.DataObject
) -> None:
    module = build(SMALL[name], device="cpu")
    seen = capture(module)
    made = realized_or_refused(data.draw(plans(seen)), module, seen)
    if made is None:
        return
    baked = bake(made)
    assert not capture(baked).derived
    assert set(baked.state_dict()) == set(module.state_dict())
    given_inputs = [
        value + torch.rand_like(value) if value.is_floating_point() else value
        for value in inputs_of(SMALL[name], device="cpu")
    ]
    torch.testing.assert_close(baked(*given_inputs), made(*given_inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
@fewer
@given(data=st.data())
def test_a_state_dict_goes_through_a_realized_module_and_its_ties_stay(
    name: str, data: st.DataObject
) -> None:
    module = build(SMALL[name], device="cpu")
    plan = data.draw(plans(capture(module)))
    made = realized_or_refused(plan, module, capture(module))
    if made is None:
        return
    fresh = realize(plan, build(SMALL[name], device="cpu", seed=1), seed=1)
    fresh.load_state_dict(made.state_dict())
    assert capture(fresh) == capture(made)
    for key, value in made.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], value), key
    assert capture(clone(made)) == capture(made)


@pytest.mark.parametrize("name", SMALL)
@fewer
@given(data=st.data())
def test_stored_is_what_an_optimizer_holds_and_never_more_than_named_under_ties(
    name: str, data: st.DataObject
) -> None:
    module = build(SMALL[name], device="cpu")
    plan = data.draw(plans(capture(module)))
    made = realized_or_refused(plan, module, capture(module))
    if made is None:
        return
    counts = tally(capture(made))
    assert counts.stored == sum(parameter.numel() for parameter in made.parameters())
    assert counts.named == sum(parameter.numel() for parameter in module.parameters())
    if all(rewrite.form is None for rewrite in plan.rewrites):
        assert counts.stored <= counts.named


@pytest.mark.parametrize("name", ["language_model", "multitask"])
@few
@given(data=st.data())
def test_a_plan_then_another_is_both_in_turn(name: str, data: st.DataObject) -> None:
    _, seen = on_meta(name)
    first = data.draw(plans(seen))
    middle = outcome(lambda: first.apply(seen))
    assume(isinstance(middle, Snapshot))
    later = data.draw(plans(middle))
    both, joined = outcome(lambda: later.apply(middle)), outcome(lambda: first.then(later))
    if isinstance(both, str):  # refused when joined, or when applied
        assert isinstance(joined, str) or isinstance(outcome(lambda: joined.apply(seen)), str)
    elif isinstance(joined, Plan):  # else refused by a sentence, never another model
        assert joined.apply(seen) == both
    else:
        assert "a later step moves" in joined or "already made of pieces" in joined
