"""What a run found: the result that its events add up to, and its fair comparisons."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from statistics import fmean, stdev
from typing import Any

from shareviz.training.protocol import RunSpec
from shareviz.training.statistics import Comparison, compare_pairs
from shareviz.training.tasks import Column, Task, columns_of, find_task, versions_of

Event = Mapping[str, Any]
ENDS = frozenset({"done", "stopped", "failed", "died"})  # the last event of a run


@dataclass(frozen=True, slots=True)
class Arm:
    """One version as it was trained: its counts, in elements, and the rate it used.

    `flops` is the matrix work of one training step, three times the forward pass; None: not traced.
    `tried` holds (rate, mean on validation) where the rate was chosen, None where a seed diverged.
    `together` is how many members were trained as one program, 1: one after another; None: not said.
    """

    name: str
    title: str
    model: str
    stored: int
    used: int | None
    flops: int | None
    lr: float
    tried: tuple[tuple[float, float | None], ...] = ()
    together: int | None = None

    @property
    def at_edge(self) -> bool:
        """Whether the chosen rate is the smallest or largest tried, so a better one may lie outside."""
        rates = [rate for rate, _ in self.tried]
        return bool(rates) and self.lr in (min(rates), max(rates))


@dataclass(frozen=True, slots=True)
class Member:
    """One version trained with one seed. `values` holds the metric on each set, empty if it diverged.

    `diverged` is the step at which it was stopped, or None. `curve` holds (step, mean training loss
    since the last entry), None where that is not finite.
    """

    version: str
    seed: int
    lr: float
    values: Mapping[str, float]
    diverged: int | None
    seconds: float
    curve: tuple[tuple[int, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result table. `mean` and `sd` are over finished seeds that did not diverge."""

    arm: Arm
    seconds: float
    seeds: int
    diverged: int
    solved: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found, whole or so far. `status` is running, done, stopped, failed or died.

    `note` is a sentence for the page where the run did not reach its end. `device` and `torch` say
    where it ran, `date` is its start in UTC (ISO 8601).
    """

    spec: RunSpec
    arms: tuple[Arm, ...]
    members: tuple[Member, ...]
    status: str
    note: str = ""
    date: str = ""
    device: str = ""
    torch: str = ""

    @property
    def task(self) -> Task:
        return find_task(self.spec.task)

    def arm(self, version: str) -> Arm:
        """Return the arm of a version; one that was not run is a KeyError."""
        return {arm.name: arm for arm in self.arms}[version]

    def values(self, on: str = "") -> dict[str, dict[int, float | None]]:
        """Return the metric by version and seed, None where it diverged.

        Args:
            on: One of the task's sets; empty: its main set.
        """
        out: dict[str, dict[int, float | None]] = {arm.name: {} for arm in self.arms}
        for member in self.members:
            out[member.version][member.seed] = member.values.get(on or self.task.main)
        return out

    def compare(
        self, reference: str, versions: Iterable[str] = (), *, on: str = ""
    ) -> tuple[Comparison, ...]:
        """Return each version against a reference, Holm over them; empty versions: all others."""
        values = self.values(on)
        others = tuple(versions) or tuple(values)
        chosen = {name: values[name] for name in (reference, *others) if name in values}
        if reference not in chosen:
            return ()
        return compare_pairs(chosen, reference, higher_is_better=self.task.metric.higher_is_better)

    def columns(self) -> tuple[tuple[Column, tuple[Comparison, ...]], ...]:
        """Return the task's fair comparisons, as far as both sides were run.

        A design that is no version of the task keeps the model, so it joins the first: equal depth.
        """
        known = versions_of(self.task, self.spec.model)
        extra = tuple(arm.name for arm in self.arms if arm.name not in known)
        first, *others = columns_of(self.task, self.spec.model)
        wanted = (replace(first, versions=(*first.versions, *extra)), *others)
        made = ((column, self.compare(column.reference, column.versions)) for column in wanted)
        return tuple((column, pairs) for column, pairs in made if pairs)

    def table(self, on: str = "") -> tuple[Row, ...]:
        """Return one row for each arm, in order."""
        values = self.values(on)
        return tuple(_row(self, arm, values[arm.name]) for arm in self.arms)

    def to_json(self) -> str:
        """Return JSON text; `from_json` reads it back equal."""
        found = asdict(replace(self, members=()))
        found["members"] = [{**_plain(member), "values": dict(member.values)} for member in self.members]
        return json.dumps(found, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Return the result that `to_json` wrote."""
        found = json.loads(text)
        found["spec"] = RunSpec.from_dict(found["spec"])
        found["arms"] = tuple(_arm(arm) for arm in found["arms"])
        found["members"] = tuple(_member(member) for member in found["members"])
        return cls(**found)


def result_of(spec: RunSpec, events: Iterable[Event]) -> Result:
    """Return what events add up to; they may break off anywhere, go on later, and mix their members."""
    head: dict[str, Any] = {}
    arms: dict[str, Arm] = {}
    members: dict[tuple[str, int], Member] = {}
    curves: dict[tuple[str, int], list[tuple[int, float | None]]] = {}
    for event in events:
        kind = event["event"]
        if kind == "start":
            head |= {key: event[key] for key in ("date", "device", "torch")}
            arms = {arm["name"]: _arm(arm) for arm in event["arms"]}
        elif kind == "resumed":
            head |= {"status": "running", "note": ""}
            head |= {key: _then(head.get(key, ""), event[key]) for key in ("device", "torch")}
        elif kind == "way":
            together = event["members"] if event["together"] else 1
            arms[event["version"]] = replace(arms[event["version"]], together=together)
        elif kind == "rate":
            tried = tuple((rate, value) for rate, value in event["tried"])
            arms[event["version"]] = replace(arms[event["version"]], lr=event["lr"], tried=tried)
        elif kind in ENDS:
            head |= {"status": kind, "note": event.get("message", "")}
        elif kind in ("member", "progress", "member_done") and not event["tuning"]:
            _follow(event, curves, members)
    place = {name: place for place, name in enumerate(arms)}
    found = sorted(members.values(), key=lambda one: (one.seed, place.get(one.version, len(place))))
    return Result(spec, tuple(arms.values()), tuple(found), **{"status": "running", **head})


def _follow(
    event: Event,
    curves: dict[tuple[str, int], list[tuple[int, float | None]]],
    members: dict[tuple[str, int], Member],
) -> None:
    """Take one event of a member that is reported."""
    who = event["version"], event["seed"]
    if event["event"] == "member":
        curves[who] = []  # where it was cut off before, it begins anew
    elif event["event"] == "progress":
        curves.setdefault(who, []).append((event["step"], event["loss"]))
    else:
        members.setdefault(who, _member({**event, "curve": curves.get(who, ())}))


def _then(before: str, now: str) -> str:
    """Return both where a run went on elsewhere: "2.12.0, then 2.13.0"."""
    return now if not before else before if before.endswith(now) else f"{before}, then {now}"


def _row(result: Result, arm: Arm, values: Mapping[int, float | None]) -> Row:
    metric, good = result.task.metric, [value for value in values.values() if value is not None]
    return Row(
        arm=arm,
        seconds=sum(member.seconds for member in result.members if member.version == arm.name),
        seeds=len(values),
        diverged=len(values) - len(good),
        solved=sum(map(metric.reached, good)),
        mean=fmean(good) if good else None,
        sd=stdev(good) if len(good) > 1 else None,
    )


def _arm(found: Mapping[str, Any]) -> Arm:
    tried = tuple((rate, value) for rate, value in found.get("tried", ()))
    return Arm(**{**found, "tried": tried})


def _member(found: Mapping[str, Any]) -> Member:
    kept = {field.name: found[field.name] for field in fields(Member)}
    return Member(**{**kept, "curve": tuple((step, loss) for step, loss in kept["curve"])})


def _plain(member: Member) -> dict[str, Any]:
    return {field.name: getattr(member, field.name) for field in fields(member)}
