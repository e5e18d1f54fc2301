"""The words of a result: a winner only outside the noise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shareviz.training.results import Member, Result
from shareviz.training.saved import saved_run
from shareviz.training.tasks import find_task
from shareviz.training.verdict import amount, explained, goal, measured, solved, verdict


@pytest.fixture
def saved() -> Result:
    found = saved_run("parity")
    assert found is not None
    return found


def remade(result: Result, change: dict[str, list[float | None]]) -> Result:
    """Return a result whose versions have these values by seed; None is a seed that diverged."""
    main = result.task.main
    members = [
        Member(version, seed, 0.01, {} if value is None else {main: value}, 7 if value is None else None, 1.0)
        for version, values in change.items()
        for seed, value in enumerate(values)
    ]
    arms = tuple(arm for arm in result.arms if arm.name in change)
    return replace(result, members=tuple(members), arms=arms)


def test_a_difference_outside_the_noise_names_a_winner(saved: Result) -> None:
    assert verdict(saved) == "One cell beats a cell per step"
    assert "5 paired seeds" in explained(saved) and "points" in explained(saved)


def test_the_noise_has_no_winner(saved: Result) -> None:
    noisy = remade(saved, {"none": [0.5, 0.7, 0.6], "all": [0.6, 0.6, 0.7]})
    assert verdict(noisy) == "No difference shown between one cell and a cell per step"


def test_a_worse_version_loses(saved: Result) -> None:
    lost = remade(saved, {"none": [0.9, 0.91, 0.92], "all": [0.5, 0.52, 0.51]})
    assert verdict(lost) == "One cell loses to a cell per step"


def test_two_seeds_are_too_few(saved: Result) -> None:
    assert verdict(remade(saved, {"none": [0.5, 0.5], "all": [1.0, 1.0]})).startswith("Too few seeds")


def test_a_seed_that_diverged_is_counted(saved: Result) -> None:
    broken = remade(saved, {"none": [0.5, 0.5, 0.5], "all": [1.0, None, 1.0]})
    assert verdict(broken) == "1 of 3 seeds diverged: One cell against a cell per step"


def test_equal_arms_show_no_difference_of_zero(saved: Result) -> None:
    equal = remade(saved, {"none": [0.5, 0.6, 0.7], "all": [0.5, 0.6, 0.7]})
    assert verdict(equal).startswith("No difference shown")
    assert explained(equal).startswith("Difference 0.0 points, 95 % interval 0.0 to 0.0")


def test_one_version_alone_has_nothing_to_compare(saved: Result) -> None:
    assert "nothing to compare" in verdict(remade(saved, {"none": [0.5, 0.5, 0.5]}))


def test_shares_are_in_points(saved: Result) -> None:
    assert amount(saved, 0.9543) == "95.4" and amount(saved, -0.015, sign=True) == "−1.5 points"


@pytest.fixture
def adding() -> Result:
    found = saved_run("adding")
    assert found is not None
    return found


def test_where_lower_is_better_the_smaller_error_wins(adding: Result) -> None:
    small, large = [0.01, 0.012, 0.011], [0.2, 0.21, 0.19]
    assert verdict(remade(adding, {"none": large, "all": small})) == "One cell beats a cell per step"
    assert verdict(remade(adding, {"none": small, "all": large})) == "One cell loses to a cell per step"


def test_an_error_is_no_share_and_its_direction_is_said(adding: Result) -> None:
    lower = remade(adding, {"none": [0.2, 0.2, 0.2], "all": [0.1, 0.1, 0.1]})
    said = explained(lower)
    assert said.startswith("Difference −0.1, 95 % interval −0.1 to −0.1, 3 paired seeds.")
    assert said.endswith("Measure: squared error (lower is better).") and "points" not in said
    assert amount(adding, 0.19187) == "0.192" and amount(adding, -0.0005, sign=True) == "−0.0005"


def test_solved_says_from_where_and_by_how_many(adding: Result, saved: Result) -> None:
    assert goal(find_task("parity").metric) == "accuracy 99.0 or more"
    assert goal(find_task("adding").metric) == "squared error 0.01 or less"
    assert measured(find_task("parity").metric) == "accuracy"
    (row,) = remade(adding, {"all": [0.009, 0.02, None]}).table()
    assert (solved(row), row.diverged) == ("1 of 3", 1)
    (row,) = remade(saved, {"all": [0.98, 0.99, 1.0]}).table()
    assert solved(row) == "2 of 3"
