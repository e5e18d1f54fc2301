"""Two equal versions under two names, trained many times: how often is one of them declared the winner?

`python -m benchmarks.null [COMPARISONS]`, 200 by default. Each side of a comparison has seeds of its own:
with the same seeds, equal versions are equal bit by bit and the question answers itself. Every member is
trained by the engine of the product; the verdict is the page's. The share may be 5 %, give or take three
standard errors of its own.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean, stdev
from time import perf_counter

from shareviz.training.course import Alone
from shareviz.training.crew import Hands, cores
from shareviz.training.engine import opening
from shareviz.training.engine.group import Group
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Event, Result, result_of
from shareviz.training.statistics import Word
from shareviz.training.tasks import find_task
from shareviz.training.verdict import verdict

TASK, STEPS, SEEDS, TOGETHER = "hashed", 40, 5, 10


COLUMN = find_task(TASK).columns[0]
NAME, TWIN = COLUMN.reference, COLUMN.versions[0]  # the two names; the second is what is trained
VERSION = TWIN


def trained(number: int) -> Iterator[Event]:
    """Yield the events of members with the seeds 0 … number − 1, all of one version."""
    spec = RunSpec(TASK, versions=(VERSION,), steps=STEPS, device="cpu").settle()
    groups = [
        Group(VERSION, tuple(range(low, min(low + TOGETHER, number))), (spec.lr or 0.0,), together=True)
        for low in range(0, number, TOGETHER)
    ]
    told: deque[Event] = deque()
    crew = Hands() if cores() > 1 else Alone()
    crew.train(spec, groups, told.append, lambda: False)
    if isinstance(crew, Hands):
        crew.close()
    yield from told


def compared(one: list[float], other: list[float], like: Result) -> Result:
    """Return the result of a run in which two versions had these values."""
    main = like.task.main
    members = tuple(
        replace(like.members[0], version=name, seed=seed, values={main: value})
        for name, values in ((NAME, one), (TWIN, other))
        for seed, value in enumerate(values)
    )
    arms = tuple(replace(like.arms[0], name=name, title=f"The same, {name}") for name in (NAME, TWIN))
    return replace(like, arms=arms, members=members)


def main(comparisons: int = 200) -> None:
    """Train, compare, and print the share."""
    begun = perf_counter()
    spec = RunSpec(TASK, versions=(VERSION,), steps=STEPS, device="cpu").settle()
    like = result_of(spec, [opening(spec), *trained(2 * SEEDS * comparisons)])
    found = like.values()[VERSION]
    values = [value for _, value in sorted(found.items()) if value is not None]
    assert len(values) == 2 * SEEDS * comparisons, "a seed diverged"
    winners = 0
    for place in range(0, len(values), 2 * SEEDS):
        result = compared(values[place : place + SEEDS], values[place + SEEDS : place + 2 * SEEDS], like)
        ((_, (pair,)), *_) = result.columns()
        winners += pair.word in (Word.BETTER, Word.WORSE)
        assert (pair.word is Word.SAME) == ("No difference shown" in verdict(result))
    share, error = winners / comparisons, (0.05 * 0.95 / comparisons) ** 0.5
    took = perf_counter() - begun
    print(f"{TASK}, {STEPS} steps, {SEEDS} seeds a side, {like.arms[0].title} under two names")
    print(f"values {fmean(values):.3f} ± {stdev(values):.3f}, {len(set(values))} different")
    print(f"{winners} of {comparisons} comparisons declared a winner: {share:.1%} (5 % ± {error:.1%})")
    print(f"{took:.0f} s, {took / len(values):.2f} s a training")
    assert share <= 0.05 + 3 * error


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
