"""Members trained together: the numbers of each are its own, and those of the plain path."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from shareviz.capture import capture
from shareviz.training.engine.arms import start
from shareviz.training.engine.banked import Banked
from shareviz.training.engine.data import Stream, loss_of
from shareviz.training.engine.loop import train
from shareviz.training.engine.member import Fit, Reporter, Single
from shareviz.training.engine.operators import lstm_cell
from shareviz.training.engine.tape import Refused
from shareviz.training.engine.together import Together
from shareviz.training.tasks import Task, Version, find_task, find_version

CPU = torch.device("cpu")
STEPS = 10
LSTM = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
# relative to the largest value of a parameter, after STEPS steps
TOLERANCE = 2e-4


class Small:
    """Some members of a version of a task, and their batches."""

    def __init__(self, task: Task, version: Version, seeds: tuple[int, ...]) -> None:
        self.task = task
        self.modules = [start(task.model, version, seed) for seed in seeds]
        self.streams = [Stream(task, seed, CPU) for seed in seeds]

    def fit(self, *rates: float, steps: int = STEPS) -> Fit:
        return Fit(steps, rates or (1e-3,) * len(self.modules), self.task.recipe.clip, self.task.loss)


def silent(count: int, told: list[Mapping[str, Any]] | None = None) -> list[Reporter]:
    """Return reporters of members 0 … count − 1 that keep what is told."""
    keep: Callable[[Mapping[str, Any]], None] = (lambda event: None) if told is None else told.append
    return [Reporter({"seed": place}, keep, lambda: False) for place in range(count)]


def together(small: Small, fit: Fit, told: list[Mapping[str, Any]] | None = None) -> list[int | None]:
    """Train all members as one program and write their values back."""
    trainer = Together(small.modules, small.streams, fit)
    ends = train(trainer, fit.steps, silent(len(small.modules), told))
    trainer.bank.give_back()
    return ends


def values(module: nn.Module) -> Tensor:
    """Return all parameters as one vector."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in module.parameters()])


CASES = [
    ("parity", "none"),
    ("parity", "all"),  # one GRU cell under twelve names
    ("rule110", "cycle2"),  # a convolution with circular padding
    ("sort", "all"),
    ("sort", "relaxed?rank=2"),
    ("brackets", "gqa?kv_heads=2"),  # rows of a weight, and causal attention
    ("adding", "all"),  # squared error
]


def small(task: str, version: str, seeds: tuple[int, ...]) -> Small:
    """Return members by the names of task and version."""
    found = find_task(task)
    return Small(found, find_version(found, version), seeds)


@pytest.mark.parametrize(("task", "version"), CASES)
def test_members_trained_together_equal_those_trained_one_after_another(task: str, version: str) -> None:
    beside, alone = small(task, version, (0, 1, 2)), small(task, version, (0, 1, 2))
    fit = beside.fit()
    told: list[Mapping[str, Any]] = []
    together(beside, fit, told)
    for place, (module, other) in enumerate(zip(beside.modules, alone.modules, strict=True)):
        said: list[Mapping[str, Any]] = []
        trainer = Single(other, alone.streams[place], replace(fit, rates=fit.rates[place : place + 1]))
        train(trainer, STEPS, silent(1, said))
        losses = [event["loss"] for event in told if event["seed"] == place]
        assert losses == pytest.approx([event["loss"] for event in said], rel=1e-5)
        assert (values(module) - values(other)).abs().max() <= TOLERANCE * values(other).abs().max()
        assert capture(module) == capture(other)


@pytest.mark.parametrize(("task", "version"), CASES)
def test_a_member_alone_has_the_bits_that_it_has_in_a_batch(task: str, version: str) -> None:
    beside, alone = small(task, version, (0, 1, 2, 3, 4)), small(task, version, (3,))
    together(beside, beside.fit())
    together(alone, alone.fit())
    assert torch.equal(values(beside.modules[3]), values(alone.modules[0]))


@pytest.mark.parametrize(("task", "version"), CASES)
def test_a_nan_in_one_member_leaves_the_bits_of_the_others(task: str, version: str) -> None:
    good, bad = small(task, version, (0, 1, 2)), small(task, version, (0, 1, 2))
    with torch.no_grad():
        next(bad.modules[1].parameters()).fill_(math.nan)
    told: list[Mapping[str, Any]] = []
    assert together(good, good.fit()) == [None, None, None]
    assert together(bad, bad.fit(), told) == [None, 1, None]
    assert [event["seed"] for event in told if event["event"] == "diverged"] == [1]
    for place in (0, 2):
        assert torch.equal(values(good.modules[place]), values(bad.modules[place]))


def test_each_member_has_a_rate_of_its_own() -> None:
    beside = small("parity", "all", (0, 0, 1))
    fit = beside.fit(1e-2, 1e-3, 1e-2)
    together(beside, fit)
    for place, (seed, rate) in enumerate(((0, 1e-2), (0, 1e-3), (1, 1e-2))):
        alone = small("parity", "all", (seed,))
        together(alone, alone.fit(rate))
        assert torch.equal(values(beside.modules[place]), values(alone.modules[0]))


def test_a_frozen_parameter_stays_and_the_others_learn() -> None:
    beside = small("sort", "none", (0, 1))
    for module in beside.modules:
        module.get_parameter("tok_emb.weight").requires_grad_(False)
    before = [module.get_parameter("tok_emb.weight").clone() for module in beside.modules]
    head = beside.modules[0].get_parameter("head.weight").clone()
    together(beside, beside.fit())
    for kept, module in zip(before, beside.modules, strict=True):
        assert torch.equal(kept, module.get_parameter("tok_emb.weight"))
    assert not torch.equal(head, beside.modules[0].get_parameter("head.weight"))


class Odd(nn.Module):
    """Something that cannot be trained together, by a word."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why, self.calls = why, 0
        self.line = nn.Linear(2, 1)
        self.table = torch.ones(1) if why == "hidden" else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.line(x)
        self.calls += 1
        if self.why == "looks" and y.mean() > 0:
            y = -y
        if self.why == "counts":
            y = y * self.calls
        return y + torch.rand(1) if self.why == "draws" else y


@pytest.mark.parametrize("why", ["looks", "counts", "draws", "hidden"])
def test_what_a_recording_cannot_hold_is_refused(why: str) -> None:
    modules = [Odd(why), Odd(why)]
    batch = torch.randn(2, 4, 2), torch.randn(2, 4, 1)
    with pytest.raises(Refused):
        Banked(modules, "numbers").record(*batch)
    Banked([Odd("nothing"), Odd("nothing")], "numbers").record(*batch)


def test_members_of_two_signatures_are_refused() -> None:
    task = find_task("sort")
    apart, shared = (start(task.model, task.versions[name], 0) for name in ("none", "all"))
    with pytest.raises(Refused, match="share"):
        Banked([apart, shared], task.loss)


def test_recording_trains_nothing_and_leaves_running_statistics() -> None:
    modules = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)) for _ in range(2)]
    states = [{name: value.clone() for name, value in one.state_dict().items()} for one in modules]
    bank = Banked(modules, "numbers")
    batch = torch.randn(2, 8, 3), torch.randn(2, 8, 1)
    bank.record(*batch)
    bank.give_back()
    for one, state in zip(modules, states, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in one.state_dict().items())
    bank.step(*batch)
    bank.give_back()
    for place, (one, state) in enumerate(zip(modules, states, strict=True)):
        norm = one[1]
        assert isinstance(norm, nn.BatchNorm1d) and norm.running_mean is not None
        seen = nn.functional.linear(batch[0][place], state["0.weight"], state["0.bias"])
        assert norm.running_mean == pytest.approx(0.1 * seen.mean(0), abs=1e-6)


def test_gradients_are_those_of_autograd_for_each_member() -> None:
    members = small("brackets", "gqa?kv_heads=2", (0, 1))
    bank = Banked(members.modules, members.task.loss)
    pairs = [stream.step(0) for stream in members.streams]
    bank.step(torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs]))
    assert bank.grads is not None
    for module, grads, (inputs, targets) in zip(members.modules, bank.grads, pairs, strict=True):
        loss_of(module(inputs), targets, members.task.loss).backward()
        wanted = torch.cat([p.grad.reshape(-1) for p in module.parameters() if p.grad is not None])
        torch.testing.assert_close(grads[: len(wanted)], wanted, rtol=1e-4, atol=1e-6)
        assert not grads[len(wanted) :].any()


def test_attention_that_hides_a_nan_still_diverges() -> None:
    members = small("sort", "one", (0, 1, 2))
    with torch.no_grad():
        members.modules[2].get_parameter("blocks.0.attention.q.weight").fill_(math.nan)
    inputs, targets = members.streams[2].step(0)
    assert loss_of(members.modules[2](inputs), targets, "classes").isfinite(), "the kernel hides it no more"
    assert together(members, members.fit()) == [None, None, 1]


def test_an_lstm_cell_is_that_of_torch() -> None:
    cells = [nn.LSTMCell(3, 5) for _ in range(2)]
    x, state, memory = torch.randn(2, 4, 3), torch.randn(2, 4, 5), torch.randn(2, 4, 5)
    weights = [torch.stack([dict(c.named_parameters())[name] for c in cells]) for name in LSTM]
    made = torch.vmap(lambda x, h, c, *w: lstm_cell(x, (h, c), *w))(x, state, memory, *weights)
    for place, cell in enumerate(cells):
        for found, wanted in zip(made, cell(x[place], (state[place], memory[place])), strict=True):
            torch.testing.assert_close(found[place], wanted)
