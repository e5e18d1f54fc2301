"""How far a run is, by its events so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from shareviz.training.results import Event

Who = tuple[str, int, float, bool]  # version, seed, rate, whether it chooses a rate


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: finished trainings, and what goes on.

    `version`, `seed`, `tuning` and `step` are of the training that was heard last; `version` is ""
    before the first. `tuning`: it chooses a rate. `going` holds the step of each that goes on.
    """

    finished: int = 0
    runs: int = 0
    steps: int = 0
    version: str = ""
    seed: int = 0
    step: int = 0
    tuning: bool = False
    going: Mapping[Who, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def fraction(self) -> float:
        """Share of all steps that are done, from 0 to 1."""
        total = self.runs * self.steps
        done = self.finished * self.steps + sum(self.going.values())
        return min(1.0, done / total) if total else 0.0


def progress_of(events: Iterable[Event]) -> Progress:
    """Return how far a run is by its events so far."""
    now, going, finished = Progress(), dict[Who, int](), set[Who]()
    for event in events:
        kind = event["event"]
        if kind == "start":
            now = replace(now, runs=event["runs"], steps=event["steps"])
        elif kind == "resumed":
            going.clear()
            now = replace(now, step=0)
        elif kind in ("member", "progress"):
            going[who_of(event)] = step = event.get("step", 0)
            who = {key: event[key] for key in ("version", "seed", "tuning")}
            now = replace(now, step=step, **who)
        elif kind == "member_done":
            going.pop(who_of(event), None)
            finished.add(who_of(event))
            now = replace(now, step=0)
    return replace(now, finished=len(finished), going=MappingProxyType(going))


def who_of(event: Event) -> Who:
    """Return whom an event is about; members of a run differ in it."""
    return event["version"], event["seed"], float(event["lr"]), event["tuning"]
