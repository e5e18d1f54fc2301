"""Two names for one thing must not win: simulated comparisons with the spread of the saved runs."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from shareviz.training.results import Member, Result
from shareviz.training.saved import saved_run
from shareviz.training.statistics import Word
from shareviz.training.tasks import tasks
from shareviz.training.verdict import verdict

RUNS = 200
ALLOWED = 0.05 + 3 * (0.05 * 0.95 / RUNS) ** 0.5  # three standard errors of a share of 200


def drawn(found: Result, values: dict[str, list[float]]) -> Result:
    """Return a result with two versions, of which each seed got a value that was drawn."""
    main = found.task.main
    members = tuple(
        Member(version, seed, 0.01, {main: value}, None, 1.0)
        for version, drawn in values.items()
        for seed, value in enumerate(drawn)
    )
    return replace(found, members=members, arms=tuple(found.arm(version) for version in values))


@pytest.mark.parametrize("task", tasks())
@pytest.mark.parametrize("normal", [True, False], ids=["normal", "resampled"])
def test_two_equal_arms_hardly_ever_have_a_winner(task: str, normal: bool) -> None:
    found = saved_run(task)
    assert found is not None
    column, pairs = found.columns()[0]
    widest = max(found.table(), key=lambda row: row.sd or 0)
    assert widest.sd and widest.mean is not None
    seen = [value for value in found.values()[widest.arm.name].values() if value is not None]
    draw, winners, named = random.Random(task), 0, 0
    for _ in range(RUNS):
        values = {
            version: [
                draw.gauss(widest.mean, widest.sd) if normal else draw.choice(seen)
                for _ in range(found.spec.seeds)
            ]
            for version in (column.reference, pairs[0].version)
        }
        result = drawn(found, values)
        ((_, (pair,)), *_) = result.columns()
        winners += pair.word in (Word.BETTER, Word.WORSE)
        named += "beats" in verdict(result) or "loses to" in verdict(result)
    assert named == winners <= ALLOWED * RUNS


@pytest.mark.parametrize("task", tasks())
def test_the_simulation_can_name_a_winner(task: str) -> None:
    found = saved_run(task)
    assert found is not None
    column, pairs = found.columns()[0]
    draw = random.Random(task)
    near = [draw.gauss(0.5, 0.01) for _ in range(5)]
    far = [draw.gauss(0.7, 0.01) for _ in range(5)]
    ((_, (pair,)), *_) = drawn(found, {column.reference: near, pairs[0].version: far}).columns()
    assert pair.word is (Word.BETTER if found.task.metric.higher_is_better else Word.WORSE)
