"""The course of a run: its groups in order, what is finished left out, and the rate of each version."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from shareviz.training.progress import who_of
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Event

if TYPE_CHECKING:
    from shareviz.training.engine.group import Group

Emit = Callable[[Event], None]
KEPT = frozenset({"start", "way", "member", "progress", "diverged", "eval", "member_done", "rate"})


class Crew(Protocol):
    """Whoever trains groups; the same groups give the same members whoever it is."""

    def train(
        self, spec: RunSpec, groups: Sequence[Group], emit: Emit, should_stop: Callable[[], bool]
    ) -> None:
        """Train all groups; events of several may mix.

        Raises:
            Stopped: `should_stop` said so; members that are done were told.
            OptionError: The spec, its device or its model does not fit.
        """


def run(
    spec: RunSpec,
    emit: Emit,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    kept: Iterable[Event] = (),
    crew: Crew | None = None,
) -> None:
    """Train every version with every seed and tell it by events, the last of which is `done` or `stopped`.

    Events are dicts of plain JSON values: start or resumed, way, rate, member, progress, diverged, eval,
    member_done, done, stopped. Seeds are the outer loop, so a run that is stopped has whole pairs, but
    for those that were trained side by side.

    Args:
        kept: Events of the same run so far. Members that they finish are not trained again, and the
            whole is what an unbroken run would have found.
        crew: Who trains; None: this process, one group after another.

    Raises:
        OptionError: The spec, its device or its model does not fit; nothing was trained.
    """
    from shareviz.training.engine import opening
    from shareviz.training.engine.member import Stopped

    spec, begun, kept = spec.settle(), time.perf_counter(), list(kept)
    spec = replace(spec, device=_device(spec, kept))
    start = opening(spec)
    spec = replace(spec, device=start["on"])
    emit({**start, "event": "resumed"} if any(event["event"] == "start" for event in kept) else start)
    try:
        _train(spec, start, _Course(spec, kept, emit, should_stop, crew or Alone()))
    except Stopped:
        emit({"event": "stopped", "message": "Stopped. Finished seeds are kept."})
        return
    emit({"event": "done", "seconds": time.perf_counter() - begun})


class Alone:
    """This very process and thread, one group after another."""

    def train(
        self, spec: RunSpec, groups: Sequence[Group], emit: Emit, should_stop: Callable[[], bool]
    ) -> None:
        """Train all groups; groups with the same seeds share their batches."""
        from shareviz.training.engine import streams_of
        from shareviz.training.engine.group import train_group

        streams = streams_of(spec)
        for group in groups:
            train_group(spec, group, emit, should_stop, streams=streams)


def finished(events: Iterable[Event]) -> frozenset[tuple[str, int, float, bool]]:
    """Return the members that events finish: version, seed, rate, and whether it chose a rate."""
    return frozenset(who_of(event) for event in events if event["event"] == "member_done")


def kept_of(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events of finished members, and the start: what a run needs to go on, or its copy."""
    events = tuple(events)
    done = finished(events)
    return tuple(
        event for event in events if event["event"] in KEPT and ("seed" not in event or who_of(event) in done)
    )


class _Course:
    def __init__(
        self, spec: RunSpec, kept: list[Event], emit: Emit, should_stop: Callable[[], bool], crew: Crew
    ) -> None:
        self.spec, self.told, self.done = spec, kept, finished(kept)
        self.should_stop, self.crew, self._emit = should_stop, crew, emit

    def emit(self, event: Event) -> None:
        """Tell an event, but not of a member that is finished: it was trained once more beside others."""
        if "seed" in event and who_of(event) in self.done:
            return
        if event["event"] == "member_done" and event["tuning"]:
            self.told.append(event)
        self._emit(event)

    def train(self, groups: Iterable[Group]) -> None:
        left = [part for group in groups for part in _left(group, self.done)]
        self.crew.train(self.spec, left, self.emit, self.should_stop)


def _device(spec: RunSpec, kept: Sequence[Event]) -> str:
    """Return the device of a spec; for "auto" the one on which the run began, if it is here."""
    from shareviz.training.engine.devices import gpus

    began = next((event.get("on", "cpu") for event in kept if event["event"] == "start"), spec.device)
    return began if spec.device == "auto" and began in ("cpu", *gpus()) else spec.device


def _train(spec: RunSpec, start: Event, course: _Course) -> None:
    from shareviz.training.engine.planning import reported_groups, tuning_groups
    from shareviz.training.engine.ways import choose_ways

    # which versions are trained as one program is found out once: a run that goes on keeps to it
    arms, ways = start["arms"], choose_ways(spec, start["member_bytes"], course.emit, kept=course.told)
    course.train(
        group for arm in arms for group in tuning_groups(spec, arm["name"], together=ways[arm["name"]])
    )
    rates = {arm["name"]: _rate(spec, arm, course) for arm in arms}
    course.train(reported_groups(spec, rates, ways))


def _rate(spec: RunSpec, arm: Mapping[str, Any], course: _Course) -> float:
    """Return the rate of a version, and tell it where it was chosen."""
    from shareviz.training.engine.planning import best_rate, tried
    from shareviz.training.tasks import find_task

    if not spec.own_best:
        return float(arm["lr"])
    task = find_task(spec.task)
    tries = tried(task, arm["name"], course.told)
    best = best_rate(task, tries)
    rate = float(arm["lr"]) if best is None else best
    course.emit({"event": "rate", "version": arm["name"], "lr": rate, "tried": tries})
    return rate


def _left(group: Group, done: frozenset[tuple[str, int, float, bool]]) -> tuple[Group, ...]:
    """Return what is left of a group: itself, nothing, or its missing members one by one.

    Members that are trained as one program stay together, or their numbers could differ in the last bit.
    """
    missing = [
        (seed, rate) for seed, rate in group.members if (group.version, seed, rate, group.tuning) not in done
    ]
    if len(missing) == len(group.members) or (missing and group.together):
        return (group,)
    return tuple(replace(group, seeds=(seed,), rates=(rate,)) for seed, rate in missing)
