"""Which groups a run consists of, in which order, and which rate a version takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

from shareviz.training.engine.group import Group
from shareviz.training.protocol import TUNING_SEEDS, RunSpec
from shareviz.training.tasks import Task, find_task

MOST_TOGETHER = 5  # members: more are hardly faster, and whole pairs come later
Tried = tuple[tuple[float, float | None], ...]  # (rate, mean on validation), None where a seed diverged


def chunks(seeds: int) -> tuple[tuple[int, ...], ...]:
    """Return the seeds 0 … seeds − 1 in nearly equal parts of at most `MOST_TOGETHER`.

    Example:
        >>> chunks(5), chunks(7)
        (((0, 1, 2, 3, 4),), ((0, 1, 2, 3), (4, 5, 6)))
    """
    parts = -(-seeds // MOST_TOGETHER)
    bounds = [-(-seeds * part // parts) for part in range(parts + 1)]
    return tuple(tuple(range(low, high)) for low, high in pairwise(bounds))


def tuning_groups(spec: RunSpec, version: str, *, together: bool = False) -> tuple[Group, ...]:
    """Return the groups that choose the rate of a version; none unless the spec asks for its own best."""
    if not spec.own_best:
        return ()
    rates = find_task(spec.task).recipe.rates
    return tuple(Group(version, (seed,), rates, tuning=True, together=together) for seed in TUNING_SEEDS)


def reported_groups(
    spec: RunSpec, rates: Mapping[str, float], together: Mapping[str, bool] | None = None
) -> tuple[Group, ...]:
    """Return the groups of a settled spec whose seeds are reported, given each version's rate.

    Seeds are the outer loop, so a run that is stopped has whole pairs. Versions whose members are trained
    `together` take the seeds of a part at once: after each part all versions have the same seeds, and
    inside of one the versions follow each other. Five seeds are one part, the fastest; a stop in it
    keeps whole versions.
    """
    banked = [name for name in spec.versions if (together or {}).get(name)]
    others = [name for name in spec.versions if name not in banked]
    groups: list[Group] = []
    for seeds in chunks(spec.seeds):
        groups += [Group(name, seeds, (rates[name],), together=True) for name in banked]
        groups += [Group(name, (seed,), (rates[name],)) for seed in seeds for name in others]
    return tuple(groups)


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
