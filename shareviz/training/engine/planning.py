"""Which groups a run consists of, in which order, and which rate a version takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from shareviz.training.engine.group import Group
from shareviz.training.protocol import TUNING_SEEDS, RunSpec
from shareviz.training.tasks import Task, find_task

Tried = tuple[tuple[float, float | None], ...]  # (rate, mean on validation), None where a seed diverged


def tuning_groups(spec: RunSpec, version: str) -> tuple[Group, ...]:
    """Return the groups that choose the rate of a version; none unless the spec asks for its own best."""
    rates = find_task(spec.task).recipe.rates
    return (Group(version, TUNING_SEEDS, rates, tuning=True),) if spec.own_best else ()


def reported_groups(spec: RunSpec, rates: Mapping[str, float]) -> tuple[Group, ...]:
    """Return the groups of a settled spec whose seeds are reported, given each version's rate.

    Seeds are the outer loop, so a run that is stopped has whole pairs.
    """
    return tuple(Group(name, (seed,), (rates[name],)) for seed in range(spec.seeds) for name in spec.versions)


def tried(task: Task, version: str, events: Iterable[Mapping[str, Any]]) -> Tried:
    """Return what each rate of the recipe gave a version, by the `member_done` events of its tuning."""
    found: dict[float, list[float | None]] = {rate: [] for rate in task.recipe.rates}
    for event in events:
        if event["event"] == "member_done" and event["tuning"] and event["version"] == version:
            found[event["lr"]].append(event["values"].get(task.main))
    return tuple((rate, _mean(values)) for rate, values in found.items())


def best_rate(task: Task, tries: Tried) -> float | None:
    """Return the rate with the best mean on validation, of equal ones the smallest; None: all diverged."""
    sign = 1 if task.metric.higher_is_better else -1
    kept = [(sign * value, -rate) for rate, value in tries if value is not None]
    return -max(kept)[1] if kept else None


def _mean(values: list[float | None]) -> float | None:
    good = [value for value in values if value is not None]
    return fmean(good) if good and len(good) == len(values) else None
