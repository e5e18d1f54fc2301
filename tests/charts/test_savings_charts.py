"""The pictures of the savings page: what is in them, how they read, that they print."""

from __future__ import annotations

from typing import Any

import altair as alt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.charts.bars import Bar, stored_bars
from shareviz.charts.export import Print, chart_png, chart_svg
from shareviz.charts.labels import Room, sides
from shareviz.charts.palette import CHROME, KINDS
from shareviz.charts.scatter import Point, capacity_scatter
from shareviz.charts.theme import config

BARS = [
    Bar("None", "none", (78_000_000, 28_000_000, 56_000_000, 38_000)),
    Bar("Cycle 3", "cycle", (39_000_000, 7_000_000, 14_000_000, 38_000), current=True),
    Bar("Ärger <b>", "own", (5, 0, 0, 0)),
]
POINTS = [
    Point("None", 85_000_000, 85e6, inside=True),
    Point("Cycle 3", 21_000_000, 40e6, inside=True, current=True),
    Point("Sequence 3", 21_000_000, 40e6, inside=True),
    Point("All layers", 7_000_000, 22e6, inside=False),
]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_bars_are_grey_and_in_the_order_given(mode: str) -> None:
    spec = stored_bars(BARS, mode=mode).to_dict()
    encoding = spec["layer"][0]["encoding"]
    assert encoding["y"]["sort"] == ["None", "Cycle 3", "Ärger <b>"]
    assert encoding["color"]["scale"]["range"] == list(KINDS[mode])
    assert spec["config"]["text"]["color"] == CHROME[mode]["ink"]


def rows_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row of data that stands in a chart."""
    tables = [layer["data"] for layer in spec["layer"] if "data" in layer] + [spec.get("data", {})]
    inside = [row for table in tables for row in table.get("values", [])]
    return inside + [row for table in spec.get("datasets", {}).values() for row in table]


def test_each_bar_ends_in_its_size_and_factor() -> None:
    ends = {row["title"]: row["label"] for row in rows_of(stored_bars(BARS).to_dict()) if "label" in row}
    assert ends == {"None": "162.0 M", "Cycle 3": "60.0 M · ÷2.7", "Ärger <b>": "5 · ÷32407600"}


def test_rows_stand_in_the_chart_whatever_the_process_does_with_tables() -> None:
    def lost(data: object) -> dict[str, str]:
        return {"url": "elsewhere"}

    alt.data_transformers.register("lost", lost)
    with alt.data_transformers.enable("lost"):
        for spec in (stored_bars(BARS).to_dict(), capacity_scatter(POINTS).to_dict()):
            assert "elsewhere" not in str(spec)
            assert rows_of(spec)


def test_parts_that_nobody_stores_have_no_place_in_the_legend() -> None:
    spec = stored_bars([Bar("None", "none", (0, 0, 0, 10)), Bar("One", "one", (0, 0, 0, 2))]).to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["Norms and other"]
    assert scale["range"] == [KINDS["light"][0]]


def test_a_click_is_told_by_key() -> None:
    (param,) = stored_bars(BARS).to_dict()["params"]
    assert (param["name"], param["select"]["fields"]) == ("design", ["key"])


def test_designs_on_one_point_share_a_label_and_the_current_one_names_it() -> None:
    rows = rows_of(capacity_scatter(POINTS).to_dict())
    labels = {row["label"]: row["titles"] for row in rows if "label" in row}
    assert labels == {"None": "None", "Cycle 3": "Cycle 3, Sequence 3", "All layers": "All layers"}


def test_no_design_at_all_makes_no_picture_fail() -> None:
    assert stored_bars([]).to_dict()
    assert capacity_scatter([Point("None", 0, 0.0, inside=True)]).to_dict()


@settings(deadline=None, max_examples=60)
@given(
    draw.lists(
        draw.tuples(draw.integers(1, 100), draw.integers(1, 100), draw.text("abc ", min_size=1, max_size=20)),
        min_size=1,
        max_size=14,
    )
)
def test_labels_touch_neither_each_other_nor_points(places: list[tuple[int, int, str]]) -> None:
    spots = tuple((x / 108, y / 108) for x, y, _ in places)
    rooms = [Room(wide, 280, spots, tuple(label for _, _, label in places)) for wide in (255, 560)]
    found = sides(rooms, range(len(places)))
    for room in rooms:
        boxes = [(i, room.label(i, side)) for i, side in enumerate(found) if side]
        for i, (x0, y0, x1, y1) in boxes:
            assert x0 >= 0
            assert x1 <= room.wide
            others = [room.mark(place) for place in range(len(places)) if place != i]
            others += [box for place, box in boxes if place != i]
            assert not any(x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1 for b in others)


def test_charts_print_as_svg_and_png_with_their_text() -> None:
    svg = chart_svg(stored_bars(BARS), title="Stored <parameters>", footer="GPT · Cycle 3 · 24 Nov 2026")
    assert "Stored &lt;parameters&gt;" in svg
    assert "GPT · Cycle 3 · 24 Nov 2026" in svg
    assert "60.0 M · ÷2.7" in svg
    assert "Ärger &lt;b&gt;" in svg
    assert "Source Sans" not in svg
    assert chart_png(capacity_scatter(POINTS))[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_chart_is_printed_dark_transparent_and_at_a_scale() -> None:
    given = Print(mode="dark", title="Stored")
    dark = chart_svg(stored_bars(BARS, mode="dark"), **given)
    ground = f'fill="{CHROME["dark"]["page"]}"'
    assert ground in dark and CHROME["dark"]["ink"] in dark
    bare = chart_svg(stored_bars(BARS, mode="dark"), transparent=True, **given)
    assert bare.count(ground) == dark.count(ground) - 1
    one, two = (chart_png(stored_bars(BARS), scale=scale)[16:24] for scale in (1, 2))
    wide = [int.from_bytes(size[:4], "big") for size in (one, two)]
    assert abs(wide[1] - 2 * wide[0]) <= 2


def test_the_theme_has_one_rule_set_for_each_mode() -> None:
    light, dark = config("light"), config("dark")
    assert light.keys() == dark.keys()
    assert light["axis"]["labelFontSize"] == 12
    assert light["background"] == dark["background"] == "transparent"
