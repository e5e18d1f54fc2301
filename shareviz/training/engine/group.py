"""One group of members of a run: plain data that can be sent anywhere, and the function that trains it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import nn

from shareviz.drawing import drawing
from shareviz.training.engine.arms import module_of
from shareviz.training.engine.data import Stream, evaluate
from shareviz.training.engine.devices import device_of, repeatable
from shareviz.training.engine.loop import train
from shareviz.training.engine.member import Fit, Reporter, Single
from shareviz.training.engine.tape import Refused
from shareviz.training.engine.together import Together
from shareviz.training.protocol import RunSpec
from shareviz.training.tasks import Task, find_task, find_version

Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Group:
    """Members of one version: each of `seeds` at each of `rates`, in that order.

    With `tuning` they choose a rate: measured on validation and not reported. With `together` they
    are trained as one program, where their module allows that; the seconds of each are its share.
    """

    version: str
    seeds: tuple[int, ...]
    rates: tuple[float, ...]
    tuning: bool = False
    together: bool = False

    @property
    def members(self) -> tuple[tuple[int, float], ...]:
        """The seed and the rate of each member, in the order of their training."""
        return tuple(product(self.seeds, self.rates))


@dataclass(slots=True)
class Streams:
    """Batches that were made already, so that the next group with the same seeds need not make them."""

    task: Task
    device: torch.device
    _made: dict[int, Stream] = field(default_factory=dict)

    def of(self, seed: int) -> Stream:
        """Return the batches of a seed."""
        if seed not in self._made:
            self._made[seed] = Stream(self.task, seed, self.device)
        return self._made[seed]

    def keep(self, seeds: tuple[int, ...]) -> None:
        """Forget the batches of all other seeds."""
        self._made = {seed: made for seed, made in self._made.items() if seed in seeds}


def train_group(
    spec: RunSpec,
    group: Group,
    emit: Emit,
    should_stop: Callable[[], bool] = lambda: False,
    *,
    streams: Streams | None = None,
) -> None:
    """Train a group's members and tell it by events: member, progress, diverged, eval, member_done.

    What it does depends on the spec and the group alone, not on what was trained before or elsewhere.

    Args:
        streams: Shares batches with other groups of this process; None: none are shared.

    Raises:
        Stopped: `should_stop` said so; members that are done were told.
        OptionError: The spec, its device or its model does not fit.
    """
    spec = spec.settle()
    batches = streams or Streams(find_task(spec.task), device_of(spec.device))
    batches.keep(group.seeds)
    making = _Making(spec, group, batches, emit, should_stop)
    with repeatable(batches.device):
        if not (group.together and _together(making)):
            for member in group.members:
                _single(making, member)


@dataclass(frozen=True, slots=True)
class _Making:
    spec: RunSpec
    group: Group
    streams: Streams
    emit: Emit
    should_stop: Callable[[], bool]

    @property
    def steps(self) -> int:
        return self.spec.steps or self.streams.task.recipe.steps

    def fit(self, *rates: float) -> Fit:
        return Fit(self.steps, rates, self.streams.task.recipe.clip, self.streams.task.loss)

    def module(self, seed: int) -> nn.Module:
        version = find_version(self.streams.task, self.group.version, self.spec.model)
        return module_of(self.spec, version, seed, self.streams.device)

    def reporter(self, seed: int, rate: float) -> Reporter:
        told = {"version": self.group.version, "seed": seed, "lr": rate, "tuning": self.group.tuning}
        return Reporter(told, self.emit, self.should_stop)


def _single(making: _Making, member: tuple[int, float]) -> None:
    """Train one member by itself."""
    clock, (seed, rate) = _clock(making), member
    begun = clock()
    report = making.reporter(seed, rate)
    report.tell("member")
    module = making.module(seed)
    trainer = Single(module, making.streams.of(seed), making.fit(rate))
    with drawing(seed, making.streams.device):
        (diverged,) = train(trainer, making.steps, (report,))
    _finish(making, module, diverged, report, seconds=clock() - begun)


def _together(making: _Making) -> bool:
    """Train all members as one program; return False, having told nothing, where they cannot be."""
    clock, members = _clock(making), making.group.members
    begun = clock()
    modules = [making.module(seed) for seed, _ in members]
    streams = [making.streams.of(seed) for seed, _ in members]
    try:
        trainer = Together(modules, streams, making.fit(*(rate for _, rate in members)))
    except Refused:
        return False
    reports = [making.reporter(*member) for member in members]
    for report in reports:
        report.tell("member")
    ends = train(trainer, making.steps, reports)
    trainer.bank.give_back()
    each = (clock() - begun) / len(members)
    for module, diverged, report in zip(modules, ends, reports, strict=True):
        _finish(making, module, diverged, report, seconds=each)
    return True


def _finish(
    making: _Making, module: nn.Module, diverged: int | None, report: Reporter, *, seconds: float
) -> None:
    """Measure a trained member on each set and tell it; one that diverged has no values."""
    clock, split = _clock(making), "validation" if making.group.tuning else "test"
    begun = clock()
    task, device = making.streams.task, making.streams.device
    values = {} if diverged is not None else evaluate(module, task, split, device)
    for name, value in values.items():
        report.tell("eval", set=name, split=split, value=value)
    took = seconds + clock() - begun
    report.tell("member_done", values=values, diverged=diverged, seconds=took)


def _clock(making: _Making) -> Callable[[], float]:
    """Return a clock that other programs hardly move: that of this process, but for a GPU."""
    return time.process_time if making.streams.device.type == "cpu" else time.perf_counter
