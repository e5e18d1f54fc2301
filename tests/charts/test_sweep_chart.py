"""The curves over one number: what is in the picture, how it reads, that it prints."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.charts.export import chart_svg
from shareviz.charts.palette import CHROME
from shareviz.charts.sweep import GAP, HIGH, Trace, spread, sweep_lines, together

TRACES = [
    Trace("Sequence", ((1, 10), (2, 20), (3, 30))),
    Trace("Cycle", ((1, 10), (2, 20), (3, 30)), current=True, now=2),
    Trace("Relaxed <b>", ((1, 12), (2, 22))),
]


def test_strategies_that_store_the_same_share_a_line_and_the_present_one_names_it() -> None:
    first, second = together(TRACES)
    assert (first.title, first.current, first.now) == ("Cycle, Sequence", True, 2)
    assert second == TRACES[2]


@settings(deadline=None, max_examples=100)
@given(draw.lists(draw.floats(0, HIGH), min_size=1, max_size=12))
def test_labels_keep_their_order_and_their_distance(heights: list[float]) -> None:
    placed = spread(heights, high=HIGH, gap=GAP)
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    for low, high in itertools.pairwise(order):
        assert placed[high] - placed[low] >= GAP - 1e-6
    assert all(-1e-6 <= place <= HIGH + 1e-6 for place in placed)


def test_labels_with_room_stay_where_their_lines_end() -> None:
    assert spread([100, 0, 50], high=HIGH, gap=GAP) == [100, 0, 50]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_lines_are_ink_and_grey_and_every_name_prints(mode: str) -> None:
    chart = sweep_lines(TRACES, turn="Stored blocks", before=40, mode=mode)
    lines = [layer["mark"] for layer in chart.to_dict()["layer"] if layer["mark"]["type"] == "line"]
    assert {mark["color"] for mark in lines} == {CHROME[mode]["ink"], CHROME[mode]["muted"]}
    svg = chart_svg(chart)
    assert "Cycle, 1 more" in svg
    assert "Relaxed &lt;b&gt;" in svg
    assert "nothing shared, 40" in svg


def test_numbers_that_double_stand_evenly() -> None:
    doubling = Trace("Rank", tuple((2.0**power, power + 1) for power in range(6)))
    spec = sweep_lines([doubling], turn="Rank", before=9).to_dict()
    scales = [layer["encoding"]["x"].get("scale", {}) for layer in spec["layer"] if "x" in layer["encoding"]]
    assert {"log"} == {scale["type"] for scale in scales if "type" in scale}


def test_an_empty_sweep_draws_its_frame() -> None:
    assert sweep_lines([], turn="Rank", before=0).to_dict()
