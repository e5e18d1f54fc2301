"""What the usual handling does to ties, held against what torch was measured to do."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from shareviz.capture import capture
from shareviz.models import build, snapshot_of
from shareviz.realize import realize
from shareviz.strategies import strategies
from shareviz.survival import STEPS, Fate, Outcome, survive
from tests.checks.toys import Block, Chain, Loop, Tied

KEEPS = {"state_dict", "deepcopy", "half", "averaged", "torch_save", "safetensors"}
LOSES = {"meta", "to_empty"}
HALVES = {"assign", "spectral_norm", "weight_norm", "prune"}


def fates(module: nn.Module) -> dict[str, Fate]:
    found = survive(module)
    return {outcome.step: outcome.fate for outcome in found.row(found.sets[0].id)}


def test_a_tie_by_one_parameter_is_kept_lost_and_halved_as_measured() -> None:
    expected = dict.fromkeys(KEEPS, Fate.KEPT) | dict.fromkeys(LOSES, Fate.LOST)
    assert fates(Tied()) == expected | dict.fromkeys(HALVES, Fate.HALF)


def test_two_parameters_on_one_storage_do_not_survive_a_deepcopy() -> None:
    model = Tied()
    model.head.weight = nn.Parameter(model.emb.weight.data)
    found = fates(model)
    assert found["deepcopy"] is Fate.LOST
    assert found["averaged"] is Fate.LOST
    assert found["assign"] is Fate.KEPT  # two Parameters before, two after


def test_one_module_at_several_places_survives_everything() -> None:
    assert set(fates(Chain([Block()] * 3)).values()) == {Fate.KEPT}


def test_a_loop_over_one_block_has_no_tie_that_could_break() -> None:
    found = survive(Loop())
    assert found.sets == ()
    assert found.outcomes == ()


def test_the_first_break_and_the_line_that_ties_again_are_named() -> None:
    found = survive(Tied())
    broken = found.first_break("S1")
    assert broken is not None
    assert broken.step == "assign"
    assert "two Parameters" in broken.reason
    model = Tied(tie=False)
    exec(found.repairs["S1"], {"model": model})
    assert model.head.weight is model.emb.weight


def test_the_repair_of_a_repeated_module_is_its_outermost_assignment() -> None:
    found = survive(Chain([Block()] * 3))
    assert found.repairs["S1"].splitlines()[0] == "model.blocks[1] = model.blocks[0]"


def test_the_module_itself_is_not_changed() -> None:
    model = Tied()
    before, value = capture(model), model.emb.weight.detach().clone()
    survive(model)
    assert capture(model) == before
    assert torch.equal(model.emb.weight, value)


def test_a_large_module_is_not_run_and_says_why() -> None:
    found = survive(Tied(), largest=59)
    assert {outcome.fate for outcome in found.outcomes} == {Fate.NOT_RUN}
    assert found.outcomes[0].reason == "too large: 100 elements, at most 59"


def test_an_error_in_one_step_is_that_steps_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Tied()
    monkeypatch.setattr(Tied, "half", lambda self: 1 / 0, raising=False)
    found = survive(model)
    by_step: dict[str, Outcome] = {outcome.step: outcome for outcome in found.outcomes}
    assert by_step["half"].fate is Fate.NOT_RUN
    assert "ZeroDivisionError" in by_step["half"].reason
    assert by_step["deepcopy"].fate is Fate.KEPT
    assert len(by_step) == len(STEPS)


def test_a_half_tie_that_was_there_before_is_not_blamed_on_a_step() -> None:
    model = Tied()
    parametrizations.spectral_norm(model.head)
    found = survive(model)
    assert {outcome.fate for outcome in found.outcomes if outcome.step == "state_dict"} == {Fate.KEPT}


def test_a_catalogue_model_on_meta_under_a_plan_is_run() -> None:
    text = "language_model?layers=4&width=16&heads=2&vocab=32&context=8"
    plan = strategies()["cycle"].plan(snapshot_of(text), {"stored": 2, "parts": "both", "norms": "own"})
    found = survive(realize(plan, build(text)))
    assert len(found.sets) == 2
    assert {outcome.fate for outcome in found.outcomes if outcome.step in KEEPS} == {Fate.KEPT}
    assert {outcome.fate for outcome in found.outcomes if outcome.step in LOSES} == {Fate.LOST}
