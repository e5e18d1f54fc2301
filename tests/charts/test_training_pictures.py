"""Pictures of a training comparison carry the very numbers of the result."""

from __future__ import annotations

import json
from statistics import fmean, median
from typing import Any

import pytest

from shareviz.charts.export import chart_svg
from shareviz.charts.palette import THEMES
from shareviz.charts.training import POINTS, curves, differences, live_curves, medians, seed_dots
from shareviz.training.results import Result
from shareviz.training.saved import saved_run


@pytest.fixture(scope="module")
def result() -> Result:
    found = saved_run("brackets")
    assert found is not None
    return found


def rows_of(chart: Any, layer: int) -> list[dict[str, Any]]:
    """Return the rows that one layer of a chart draws; Altair moves them to the top of the file."""
    spec = json.loads(chart.to_json())
    data = spec["layer"][layer]["data"]
    return data["values"] if "values" in data else spec["datasets"][data["name"]]


def test_every_seed_of_the_chosen_versions_is_a_dot_in_points(result: Result) -> None:
    dots = rows_of(seed_dots(result, only=["none", "all"]), 2)
    assert len(dots) == 2 * result.spec.seeds
    chosen = [member for member in result.members if member.version in ("none", "all")]
    values = [100 * member.values[result.task.main] for member in chosen]
    assert fmean(dot["value"] for dot in dots) == pytest.approx(fmean(values))


def test_differences_show_the_intervals_that_the_words_are_about(result: Result) -> None:
    _, pairs = result.columns()[0]
    spans = rows_of(differences(result, pairs), 2)
    assert [span["low"] for span in spans] == [100 * pair.holm_low for pair in pairs]
    assert [span["high"] for span in spans] == [100 * pair.holm_high for pair in pairs]


def test_a_long_curve_is_thinned_and_keeps_its_first_step(result: Result) -> None:
    long = [(step, 1.0) for step in range(5 * POINTS)] + [(9_999, None)]
    rows = [row for row in curves(result, {("new", 0): long}) if row["version"] == "new"]
    assert 0 < len(rows) <= POINTS and rows[0]["step"] == 0


def test_the_bold_line_is_the_median_over_seeds() -> None:
    rows = [
        {"version": "a", "seed": seed, "step": 1, "loss": loss} for seed, loss in enumerate((3.0, 1.0, 9.0))
    ]
    assert medians(rows) == [{"version": "a", "step": 1, "loss": median((3.0, 1.0, 9.0))}]


@pytest.mark.parametrize("theme", THEMES)
def test_every_picture_can_be_written(result: Result, theme: str) -> None:
    rows = curves(result, {})
    pictures = [
        live_curves(rows, [arm.title for arm in result.arms], steps=300, theme=theme),
        seed_dots(result, theme=theme),
        differences(result, result.columns()[0][1], theme=theme),
    ]
    for picture in pictures:
        assert "All layers" in chart_svg(picture)


def test_an_error_is_drawn_as_it_is_with_its_direction_in_words() -> None:
    adding = saved_run("adding")
    assert adding is not None
    dots = seed_dots(adding, only=["all"])
    values = [m.values[adding.task.main] for m in adding.members if m.version == "all"]
    assert sorted(row["value"] for row in rows_of(dots, 2)) == pytest.approx(sorted(values))
    assert rows_of(dots, 0) == [{"value": adding.task.metric.chance, "label": "best constant"}]
    picture = chart_svg(dots)
    assert "squared error (lower is better)" in picture and "points" not in picture
    pairs = adding.columns()[0][1]
    assert [row["low"] for row in rows_of(differences(adding, pairs), 2)] == [p.holm_low for p in pairs]
