"""Training of all members of a run, group after group, told as events."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import torch

from shareviz.training.engine.arms import device_of, prepare
from shareviz.training.engine.group import Emit, Group, Streams, train_group
from shareviz.training.engine.member import Stopped
from shareviz.training.engine.planning import best_rate, reported_groups, tried, tuning_groups
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Arm
from shareviz.training.tasks import find_task


def run(spec: RunSpec, emit: Emit, *, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Train every version with every seed and tell it by events, the last of which is `done` or `stopped`.

    Events are dicts of plain JSON values: start, rate, member, progress, diverged, eval, member_done,
    done, stopped. A run that is stopped has whole pairs, as far as it came.

    Raises:
        OptionError: The spec, its device or its model does not fit; nothing was trained.
    """
    spec = spec.settle()
    begun, device = time.perf_counter(), device_of(spec.device)
    arms = prepare(spec)
    emit(_start(spec, device, arms))
    streams = Streams(find_task(spec.task), device)
    told: list[Mapping[str, Any]] = []  # of the tuning, to choose rates by

    def keep(event: Mapping[str, Any]) -> None:
        told.append(event)
        emit(event)

    def train(groups: Sequence[Group], say: Emit) -> None:
        for group in groups:
            train_group(spec, group, say, should_stop, streams=streams)

    try:
        rates = {}
        for arm in arms:
            train(tuning_groups(spec, arm.name), keep)
            rates[arm.name] = _rate(spec, arm, told, emit)
        train(reported_groups(spec, rates), emit)
    except Stopped:
        emit({"event": "stopped", "message": "Stopped. Finished seeds are kept."})
        return
    emit({"event": "done", "seconds": time.perf_counter() - begun})


def _rate(spec: RunSpec, arm: Arm, told: Sequence[Mapping[str, Any]], emit: Emit) -> float:
    """Return the rate of a version, and tell it where it was chosen."""
    if not spec.own_best:
        return arm.lr
    task = find_task(spec.task)
    tries = tried(task, arm.name, told)
    best = best_rate(task, tries)
    rate = arm.lr if best is None else best
    emit({"event": "rate", "version": arm.name, "lr": rate, "tried": tries})
    return rate


def _start(spec: RunSpec, device: torch.device, arms: Sequence[Arm]) -> dict[str, Any]:
    return {
        "event": "start",
        "task": spec.task,
        "runs": spec.runs,
        "steps": spec.steps,
        "arms": [asdict(arm) for arm in arms],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "torch": torch.__version__,
    }
