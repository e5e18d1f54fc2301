"""How a version is trained, one member after another or together: by timing both on its first steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from shareviz.capture import capture
from shareviz.clone import clone
from shareviz.snapshot import Snapshot
from shareviz.training.engine.arms import module_of
from shareviz.training.engine.data import Stream
from shareviz.training.engine.devices import device_of, gpus, repeatable, wait
from shareviz.training.engine.loop import Trainer
from shareviz.training.engine.member import Fit, Single
from shareviz.training.engine.memory import MOST
from shareviz.training.engine.planning import chunks
from shareviz.training.engine.tape import Refused
from shareviz.training.engine.together import Together
from shareviz.training.protocol import RunSpec
from shareviz.training.tasks import Task, find_task, find_version

LEAST = 200  # steps of all members: below, nothing is timed and nothing trained together
_TIMED = 3  # steps, after one to warm up; the fastest counts
_CLEARLY = 1.1  # times faster, so that noise does not decide


@dataclass(frozen=True, slots=True)
class Way:
    """How a version is trained: `together`, or one member after another.

    `seconds` are of one member's step, alone and among `members`; empty: not timed. `why` says what
    spoke against training together, apart from time.
    """

    version: str
    together: bool
    members: int = 1
    seconds: tuple[float, ...] = ()
    why: str = ""

    def event(self) -> dict[str, Any]:
        """Return it as an event."""
        return {"event": "way", **asdict(self)}


def choose_ways(
    spec: RunSpec,
    each: Mapping[str, int],
    emit: Callable[[Mapping[str, Any]], None],
    *,
    kept: Iterable[Mapping[str, Any]] = (),
) -> dict[str, bool]:
    """Return for each version of a settled spec whether its members are trained together, and tell it.

    Versions of one signature are trained one way, so that equal versions stay equal bit by bit. Where
    the spec states the ways, nothing is timed.

    Args:
        each: Bytes that one member of each version needs.
        kept: Events of an earlier part of this run: what it chose is taken again, and not told.
    """
    chosen = {event["version"]: bool(event["together"]) for event in kept if event["event"] == "way"}
    timed: list[tuple[Snapshot, Way]] = []
    for name in spec.versions:
        if name in chosen:
            continue
        way = _found(spec, name, each[name], timed) if spec.together is None else _stated(spec, name)
        chosen[name] = way.together
        emit(way.event())
    return chosen


def fastest(spec: RunSpec, each: Mapping[str, int]) -> str:
    """Return the device of a settled spec; for "auto" the one on which the first version's steps are fastest.

    A device on which nothing was timed is not chosen, so without a GPU, or for a few steps, it is the CPU.
    """
    if spec.device != "auto":
        return spec.device
    name, took = spec.versions[0], {"cpu": float("inf")}
    for device in ("cpu", *gpus()) if gpus() else ():
        here = replace(spec, device=device)
        way = _way(here, name, _module(here, name), each[name])
        took[device] = min(way.seconds, default=float("inf"))
    return min(took, key=lambda device: took[device])


def _module(spec: RunSpec, name: str) -> nn.Module:
    return module_of(spec, find_version(find_task(spec.task), name, spec.model), 0, device_of(spec.device))


def _found(spec: RunSpec, name: str, nbytes: int, timed: list[tuple[Snapshot, Way]]) -> Way:
    module = _module(spec, name)
    seen = capture(module)
    for other, way in timed:
        if other == seen:
            return replace(way, version=name)
    way = _way(spec, name, module, nbytes)
    timed.append((seen, way))
    return way


def _stated(spec: RunSpec, name: str) -> Way:
    together = name in (spec.together or ())
    return Way(name, together, max(map(len, chunks(spec.seeds))) if together else 1)


def _way(spec: RunSpec, name: str, module: nn.Module, nbytes: int) -> Way:
    task, steps, parts = find_task(spec.task), spec.steps or 1, chunks(spec.seeds)
    members = max(map(len, parts))
    if steps * spec.seeds < LEAST:
        return Way(name, False, why="there are too few steps to gain from it")
    if max(members, 2) * nbytes > MOST:
        return Way(name, False, why="it would take too much memory")
    fit = Fit(steps, (1e-4,), task.recipe.clip, task.loss)
    try:
        with repeatable(device_of(spec.device)):
            alone, beside, begin = _timed(task, module, members, fit)
    except Refused as error:
        return Way(name, False, why=str(error))
    whole = len(parts) * begin + steps * spec.seeds * beside
    return Way(name, whole * _CLEARLY < steps * spec.seeds * alone, members, (alone, beside))


def _timed(task: Task, module: nn.Module, members: int, fit: Fit) -> tuple[float, float, float]:
    """Return the seconds of a member's step alone and among others, and of getting others ready.

    Raises:
        Refused: They cannot be trained together, or would give another first loss.
    """
    device = next(module.parameters()).device
    streams = [Stream(task, seed, device) for seed in range(members)]
    for stream in streams:
        stream.step(_TIMED)
    modules = [clone(module) for _ in streams]
    clock = _clock(device)
    begun = clock()
    others = Together(modules, streams, replace(fit, rates=fit.rates * members))
    begin = clock() - begun
    loss, alone = _step(Single(clone(module), streams[0], fit), device)
    first, beside = _step(others, device)
    if not torch.allclose(loss, first, rtol=1e-4, equal_nan=True):
        raise Refused("its first loss among others is another one")
    return alone, beside / members, begin


def _step(trainer: Trainer, device: torch.device) -> tuple[torch.Tensor, float]:
    """Return the first member's first loss, and the seconds of a step."""
    took, first, clock = [], trainer.step(0)[0][0], _clock(device)
    for step in range(1, _TIMED + 1):
        wait(device)
        begun = clock()
        trainer.step(step)
        wait(device)
        took.append(clock() - begun)
    return first, min(took)


def _clock(device: torch.device) -> Callable[[], float]:
    """Return a clock that other work on the machine hardly moves: that of this thread, but for a GPU."""
    return time.thread_time if device.type == "cpu" else time.perf_counter
