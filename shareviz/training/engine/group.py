"""One group of members of a run: plain data that can be sent anywhere, and the function that trains it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import nn

from shareviz.training.engine.arms import device_of, module_of
from shareviz.training.engine.data import Stream, evaluate
from shareviz.training.engine.member import Fit, Reporter, train
from shareviz.training.protocol import RunSpec
from shareviz.training.tasks import Task, find_task, find_version

Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Group:
    """Members of one version: each of `seeds` at each of `rates`, in that order.

    With `tuning` they choose a rate: measured on validation and not reported.
    """

    version: str
    seeds: tuple[int, ...]
    rates: tuple[float, ...]
    tuning: bool = False

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
    for seed, rate in group.members:
        _member(spec, group, (seed, rate), Reporter({}, emit, should_stop), batches)


def _member(spec: RunSpec, group: Group, who: tuple[int, float], report: Reporter, streams: Streams) -> None:
    """Train one member by itself."""
    begun, (seed, rate), task = time.perf_counter(), who, streams.task
    told = {"version": group.version, "seed": seed, "lr": rate, "tuning": group.tuning}
    report = Reporter(told, report.emit, report.should_stop)
    report.emit({"event": "member", **told})
    module = module_of(spec, find_version(task, group.version), seed, streams.device)
    fit = Fit(spec.steps or task.recipe.steps, rate, task.recipe.clip, task.loss)
    diverged = train(module, streams.of(seed), fit, report).diverged
    finish(module, diverged, report, streams, seconds=time.perf_counter() - begun)


def finish(
    module: nn.Module, diverged: int | None, report: Reporter, streams: Streams, *, seconds: float
) -> None:
    """Measure a trained member on each set and tell it; one that diverged has no values."""
    begun, split = time.perf_counter(), "validation" if report.who["tuning"] else "test"
    values = {} if diverged is not None else evaluate(module, streams.task, split, streams.device)
    for name, value in values.items():
        report.emit({"event": "eval", **report.who, "set": name, "split": split, "value": value})
    took = seconds + time.perf_counter() - begun
    done = {"values": values, "diverged": diverged, "seconds": took}
    report.emit({"event": "member_done", **report.who, **done})
