"""Quality against size: the points are the table's, and who is beaten is beaten."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import fmean

import pytest

from shareviz.charts.export import chart_svg
from shareviz.charts.frontier import frontier, frontier_of
from shareviz.charts.palette import THEMES
from shareviz.charts.training import all_curves, running_curves
from shareviz.training.results import Result
from shareviz.training.saved import saved_run
from shareviz.training.statistics import t_interval
from shareviz.training.tasks import tasks


@pytest.fixture(scope="module", params=["brackets", "adding"])
def result(request: pytest.FixtureRequest) -> Result:
    found = saved_run(request.param)
    assert found is not None
    return found


def test_a_point_is_the_mean_over_seeds_with_its_interval(result: Result) -> None:
    for spot, arm in zip(frontier_of(result), result.arms, strict=True):
        values = [v for v in result.values()[arm.name].values() if v is not None]
        assert (spot.stored, spot.mean) == (arm.stored, pytest.approx(fmean(values)))
        assert (spot.low, spot.high) == pytest.approx(t_interval(values))


def test_a_version_is_beaten_where_another_is_no_larger_and_no_worse(result: Result) -> None:
    sign = 1 if result.task.metric.higher_is_better else -1
    spots = frontier_of(result)
    for one in spots:
        others = [other for other in spots if other is not one]
        better = [o for o in others if o.stored <= one.stored and sign * o.mean >= sign * one.mean]
        assert one.beaten == bool(better)
    assert not all(spot.beaten for spot in spots)


def test_two_seeds_have_a_point_and_no_interval(result: Result) -> None:
    few = replace(result, members=tuple(m for m in result.members if m.seed < 2))
    assert all(spot.low is None for spot in frontier_of(few))
    assert "too few seeds" in frontier(few).to_json()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("task", tasks())
def test_every_saved_run_can_be_drawn(task: str, theme: str) -> None:
    found = saved_run(task)
    if found is None:
        pytest.skip("no run is saved for this task")
    svg = chart_svg(frontier(found, theme=theme), width=560)
    assert "stored parameters" in svg
    assert any(arm.title in svg for arm in found.arms)


def test_a_result_without_members_draws_an_empty_chart(result: Result) -> None:
    empty = replace(result, members=())
    assert frontier_of(empty) == ()
    json.loads(frontier(empty).to_json())


def test_all_curves_hold_every_finished_seed(result: Result) -> None:
    found = json.loads(all_curves(result).to_json())
    rows = found["layer"][0]["data"].get("values") or found["datasets"][found["layer"][0]["data"]["name"]]
    assert len({(row["version"], row["seed"]) for row in rows}) == len(result.members)


def test_a_curve_begins_anew_where_a_member_does() -> None:
    who = {"version": "all", "seed": 0, "tuning": False, "lr": 0.1}
    point = {**who, "event": "progress", "step": 10, "loss": 1.0}
    events = [{**who, "event": "member"}, point, {**who, "event": "member"}, {**point, "loss": 2.0}]
    assert running_curves(events) == {("all", 0): [(10, 2.0)]}
    assert running_curves([{**event, "tuning": True} for event in events]) == {}
