"""Training of all members of a run, one after the other, told as events."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

import torch

from shareviz.training.engine.arms import Ready, device_of, prepare
from shareviz.training.engine.data import Stream, evaluate
from shareviz.training.engine.member import Fit, Reporter, Stopped, train
from shareviz.training.protocol import TUNING_SEEDS, RunSpec
from shareviz.training.tasks import Task, find_task

Emit = Callable[[Mapping[str, Any]], None]


def run(spec: RunSpec, emit: Emit, *, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Train every version with every seed and tell it by events, the last of which is `done` or `stopped`.

    Seeds are the outer loop, so a run that is stopped has whole pairs. Events are dicts of plain
    JSON values: start, rate, member, progress, diverged, eval, member_done, done, stopped.

    Raises:
        OptionError: The spec, its device or its model does not fit; nothing was trained.
    """
    spec = spec.settle()
    begun = time.perf_counter()
    device = device_of(spec.device)
    ready = prepare(spec, device)
    emit(_start(spec, device, ready))
    session = _Session(spec, find_task(spec.task), device, emit, should_stop)
    try:
        rates = {one.arm.name: session.best_rate(one) if spec.own_best else one.arm.lr for one in ready}
        for seed in range(spec.seeds):
            stream = Stream(session.task, seed, device)
            for one in ready:
                session.member(one, stream, rates[one.arm.name])
    except Stopped:
        emit({"event": "stopped", "message": "Stopped. Finished seeds are kept."})
        return
    emit({"event": "done", "seconds": time.perf_counter() - begun})


def _start(spec: RunSpec, device: torch.device, ready: Sequence[Ready]) -> dict[str, Any]:
    return {
        "event": "start",
        "task": spec.task,
        "runs": spec.runs,
        "steps": spec.steps,
        "arms": [asdict(one.arm) for one in ready],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "torch": torch.__version__,
    }


@dataclass(frozen=True, slots=True)
class _Session:
    spec: RunSpec
    task: Task
    device: torch.device
    emit: Emit
    should_stop: Callable[[], bool]

    def best_rate(self, one: Ready) -> float:
        """Return the rate with the best mean on validation, over seeds that are not reported."""
        tried: list[tuple[float, float | None]] = []
        for rate in self.task.recipe.rates:
            found = [self.tuning(one, seed, rate) for seed in TUNING_SEEDS]
            good = [value for value in found if value is not None]
            tried.append((rate, fmean(good) if len(good) == len(found) else None))
        sign = 1 if self.task.metric.higher_is_better else -1
        kept = [(sign * value, -rate) for rate, value in tried if value is not None]
        best = -max(kept)[1] if kept else one.arm.lr  # of equal ones the smallest
        self.emit({"event": "rate", "version": one.arm.name, "lr": best, "tried": tried})
        return best

    def tuning(self, one: Ready, seed: int, rate: float) -> float | None:
        """Return the metric of one training on validation, or None if it diverged."""
        stream = Stream(self.task, seed, self.device)
        return self.member(one, stream, rate, split="validation").get(self.task.main)

    def member(self, one: Ready, stream: Stream, rate: float, *, split: str = "test") -> dict[str, float]:
        """Train one version with one seed and return the metric on each set, {} if it diverged."""
        begun = time.perf_counter()
        who = {"version": one.arm.name, "seed": stream.seed, "tuning": split != "test"}
        self.emit({"event": "member", **who, "lr": rate})
        module = one.make(stream.seed)
        fit = Fit(self.spec.steps or self.task.recipe.steps, rate, self.task.recipe.clip, self.task.loss)
        trained = train(module, stream, fit, Reporter(who, self.emit, self.should_stop))
        values = {} if trained.diverged is not None else evaluate(module, self.task, split, self.device)
        for name, value in values.items():
            self.emit({"event": "eval", **who, "set": name, "split": split, "value": value})
        self.emit(
            {
                "event": "member_done",
                **who,
                "lr": rate,
                "values": values,
                "diverged": trained.diverged,
                "seconds": time.perf_counter() - begun,
            }
        )
        return values
