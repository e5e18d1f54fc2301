"""Size against estimated capacity: a point for every way to share, the line of those that none beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from shareviz.charts.axes import unit_of
from shareviz.charts.labels import SIDES, WIDTHS, Room, sides
from shareviz.charts.palette import CHROME, KINDS
from shareviz.charts.theme import Chart, Record, inline, themed
from shareviz.text import count, exact, listed

_HIGH = 280  # pixels of the plot
_ROOM = 1.08  # of an axis beyond the largest value


@dataclass(frozen=True, slots=True)
class Point:
    """One design: stored and estimated elements without tables and head, and how far to trust it.

    `beaten` says that another stores no more and acts like no less; `small` that it is one value of a
    number that was turned, drawn small and without a label.
    """

    title: str
    stored: int
    acts_like: float
    inside: bool
    current: bool = False
    beaten: bool = False
    small: bool = False


def capacity_scatter(points: Sequence[Point], *, mode: str = "light") -> Chart:
    """Return what each design stores against what it acts like, both without tables and head.

    Filled points lie inside the published fit, hollow ones are extrapolated; grey ones are beaten by
    another; a ring marks the current design; the thin line joins what is not beaten; on the dashed line
    nothing is shared. Labels that would touch another are left to the tooltip.
    """
    chrome = CHROME[mode]
    most = max((max(point.stored, point.acts_like) for point in points), default=1.0)
    unit, word = unit_of(most)
    table = _point_table(points, unit)
    end = most / unit * _ROOM
    x = alt.X(
        "stored:Q",
        title=f"stored, without tables and head{word}",
        scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(grid=False, tickCount=5),
    )
    y = alt.Y(
        "acts:Q",
        title=f"acts like{word} (estimate)",
        scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(domain=False, tickCount=5),
    )
    tooltip = [
        alt.Tooltip("titles:N", title="design"),
        alt.Tooltip("stored_exact:N", title="stored"),
        alt.Tooltip("acts_short:N", title="acts like"),
        alt.Tooltip("fit:N", title="estimate"),
    ]
    base = alt.Chart(inline(table)).encode(x, y, tooltip=tooltip)
    line = inline([{"stored": 0, "acts": 0}, {"stored": end, "acts": end}])
    dashed = alt.Chart(line).mark_line(strokeDash=[4, 4], strokeWidth=1, color=chrome["muted"]).encode(x, y)
    ring = base.transform_filter("datum.current").mark_point(
        filled=False, size=420, strokeWidth=1.6, color=chrome["ink"], fill=chrome["page"]
    )
    stair = base.transform_filter("!datum.beaten && datum.inside").mark_line(
        strokeWidth=1, color=chrome["muted"], interpolate="monotone"
    )
    made = alt.layer(dashed, stair, ring, *_marks(base, mode), *_labels(base, mode)).properties(
        height=_HIGH, width="container"
    )
    return themed(made, mode)


def _marks(base: alt.Chart, mode: str) -> list[alt.Chart]:
    """Return the points: those that another beats in grey and below the others."""
    page, ink, grey = CHROME[mode]["page"], CHROME[mode]["ink"], KINDS[mode][2]
    size = alt.condition("datum.small", alt.value(36), alt.value(110))
    layers: list[alt.Chart] = []
    for beaten, colour in (("datum.beaten", grey), ("!datum.beaten", ink)):
        here = base.transform_filter(beaten).encode(size=size)
        layers += [
            here.transform_filter("datum.inside").mark_point(filled=True, fill=colour, strokeWidth=0),
            here.transform_filter("!datum.inside").mark_point(
                filled=True, fill=page, stroke=colour, strokeWidth=1.6
            ),
        ]
    return layers


def _labels(base: alt.Chart, mode: str) -> list[alt.Chart]:
    """Return the labels, each with a rim of page colour that keeps lines away from the letters."""
    page = CHROME[mode]["page"]
    layers: list[alt.Chart] = []
    for side, (align, dx, dy) in SIDES.items():
        here = base.transform_filter(alt.datum.side == side).encode(text="label:N")
        ours, others = here.transform_filter("datum.current"), here.transform_filter("!datum.current")
        layers += [
            here.mark_text(align=align, dx=dx, dy=dy, baseline="middle", stroke=page, strokeWidth=5),
            others.mark_text(align=align, dx=dx, dy=dy, baseline="middle"),
            ours.mark_text(align=align, dx=dx, dy=dy, baseline="middle", fontWeight="bold"),
        ]
    return layers


def _point_table(points: Sequence[Point], unit: float) -> list[Record]:
    """Return one row for each place: designs that fall on one point share its label."""
    places: dict[tuple[int, int], list[Point]] = {}
    for point in points:
        places.setdefault((point.stored, round(point.acts_like)), []).append(point)
    merged = [_merged(group) for group in places.values()]
    labels = [_short(group) for group in places.values()]
    rows: list[Record] = []
    for row, label, side in zip(merged, labels, _sides(merged, labels), strict=True):
        rows.append(
            {
                "titles": row.title,
                "label": label,
                "side": side,
                "stored": row.stored / unit,
                "acts": row.acts_like / unit,
                "stored_exact": exact(row.stored),
                "acts_short": count(row.acts_like),
                "fit": "inside the fit" if row.inside else "extrapolated: a guess",
                "inside": row.inside,
                "current": row.current,
                "beaten": row.beaten,
                "small": row.small,
            }
        )
    return rows


def _merged(group: Sequence[Point]) -> Point:
    seen = dict.fromkeys(point.title for point in group)
    return Point(
        listed(tuple(seen), 8),
        group[0].stored,
        group[0].acts_like,
        inside=all(point.inside for point in group),
        current=any(point.current for point in group),
        beaten=all(point.beaten for point in group),
        small=all(point.small for point in group),
    )


def _short(group: Sequence[Point]) -> str:
    """Return the current design's title, or the first and how many more lie there; "" for small points."""
    ours = next((point.title for point in group if point.current), "")
    titles = list(dict.fromkeys(point.title for point in group if not point.small))
    if ours or not titles:
        return ours
    return titles[0] if len(titles) == 1 else f"{titles[0]}, {len(titles) - 1} more"


def _sides(points: Sequence[Point], labels: Sequence[str]) -> list[str]:
    """Return where the label of each point goes: the present one first, then from the largest down."""
    most = max((max(point.stored, point.acts_like) for point in points), default=1.0) * _ROOM or 1.0
    large = [i for i, point in enumerate(points) if not point.small]  # a label may stand on small points
    spots = tuple((points[i].stored / most, points[i].acts_like / most) for i in large)
    rooms = [Room(wide, _HIGH, spots, tuple(labels[i] for i in large)) for wide in WIDTHS]
    order = sorted(range(len(large)), key=lambda k: (not points[large[k]].current, -points[large[k]].stored))
    found = [""] * len(points)
    for i, side in zip(large, sides(rooms, order), strict=True):
        found[i] = side
    return found
