"""What sharing would save, as two pictures: bars by strategy, and size against estimated capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import altair as alt

from shareviz.charts.palette import CHROME, KINDS
from shareviz.charts.theme import Chart, Record, inline, themed
from shareviz.savings import GROUPS
from shareviz.text import count, exact, listed, smaller

_BAND = 27  # pixels of one bar and the space below it
_NARROW, _WIDE, _HIGH = 255, 560, 280  # pixels of the plots that labels are placed for
_ROOM = 1.08  # of an axis beyond the largest value


Align = Literal["left", "center", "right"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """One design: what it stores of each of `GROUPS`, and whether it is the one on the page."""

    title: str
    key: str
    parts: tuple[int, int, int, int]
    current: bool = False

    @property
    def stored(self) -> int:
        """All that it stores."""
        return sum(self.parts)


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


def stored_bars(bars: Sequence[Bar], *, mode: str = "light") -> Chart:
    """Return stacked grey bars of stored parameters, each with its size and factor at the end.

    The first bar is what the factors are measured against. A click selects "design" by its key.
    """
    chrome = CHROME[mode]
    whole, pieces = _bar_tables(bars)
    order = [bar.title for bar in bars]
    # room at the right for the label of the longest bar, at the narrowest width
    top = max((bar.stored for bar in bars), default=1) * 1.42
    current = [bar.title for bar in bars if bar.current]
    y = alt.Y(
        "title:N",
        sort=order,
        title=None,
        axis=alt.Axis(
            domain=False,
            labelFontSize=13,
            labelColor=chrome["ink"],
            labelLimit=150,
            labelFontWeight=alt.condition(
                alt.FieldOneOfPredicate("value", current or [""]), alt.value("bold"), alt.value("normal")
            ),
        ),
    )
    x = alt.X("stored:Q", title=None, axis=None, scale=alt.Scale(domain=[0, top], nice=False))
    tooltip = [alt.Tooltip("title:N", title="design"), "part:N", alt.Tooltip("exact:N", title="parameters")]
    stacked = (
        alt.Chart(inline(pieces))
        .mark_bar(stroke=chrome["page"], strokeWidth=1, cursor="pointer")
        .encode(x, y, _fills(pieces, mode), alt.Order("place:Q"), tooltip=tooltip)
        .add_params(alt.selection_point(name="design", fields=["key"], empty=False))
    )
    ends = alt.Chart(inline(whole)).mark_text(align="left", dx=7).encode(x, y, alt.Text("label:N"))
    plain = ends.transform_filter("!datum.current")
    strong = ends.transform_filter("datum.current").mark_text(align="left", dx=7, fontWeight="bold")
    made = alt.layer(stacked, plain, strong).properties(height=alt.Step(_BAND), width="container")
    return themed(made, mode)


def _fills(pieces: Sequence[Record], mode: str) -> alt.Color:
    found = {row["part"] for row in pieces}
    present = [group for group in GROUPS if group in found]
    shades = list(KINDS[mode][: len(present)])  # the last shade alone would be pale on the page
    return alt.Color("part:N", scale=alt.Scale(domain=present, range=shades), legend=alt.Legend(title=None))


def _bar_tables(bars: Sequence[Bar]) -> tuple[list[Record], list[Record]]:
    """Return a row for each bar, with its label, and a row for each part of one."""
    first = bars[0].stored if bars else 0
    whole: list[Record] = [
        {
            "title": bar.title,
            "stored": bar.stored,
            "label": _end(bar.stored, first),
            "current": bar.current,
        }
        for bar in bars
    ]
    pieces: list[Record] = [
        {
            "title": bar.title,
            "key": bar.key,
            "part": group,
            "place": place,
            "stored": part,
            "exact": exact(part),
        }
        for bar in bars
        for place, (group, part) in enumerate(zip(GROUPS, bar.parts, strict=True))
        if part
    ]
    return whole, pieces


def _end(stored: int, first: int) -> str:
    return count(stored) if stored == first else f"{count(stored)} · {smaller(first, stored)}"


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
    for side, (align, dx, dy) in _SIDES.items():
        here = base.transform_filter(alt.datum.side == side).encode(text="label:N")
        ours, others = here.transform_filter("datum.current"), here.transform_filter("!datum.current")
        layers += [
            here.mark_text(align=align, dx=dx, dy=dy, baseline="middle", stroke=page, strokeWidth=5),
            others.mark_text(align=align, dx=dx, dy=dy, baseline="middle"),
            ours.mark_text(align=align, dx=dx, dy=dy, baseline="middle", fontWeight="bold"),
        ]
    return layers


def unit_of(most: float) -> tuple[float, str]:
    """Return what an axis up to `most` counts in, and the word to append to its title."""
    for unit, word in ((1e9, ", billions"), (1e6, ", millions"), (1e3, ", thousands")):
        if most >= unit:
            return unit, word
    return 1.0, ""


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


# where a label may stand, in the order of preference: on the free side of the dashed line first
_SIDES: Mapping[str, tuple[Align, int, int]] = {
    "left": ("right", -17, 0),
    "above": ("center", 0, -23),
    "right": ("left", 17, 0),
    "below": ("left", 2, 20),
}


def _sides(points: Sequence[Point], labels: Sequence[str]) -> list[str]:
    """Return where each label goes so that it is free at the narrowest and at a wide plot, or ""."""
    most = max((max(point.stored, point.acts_like) for point in points), default=1.0) * _ROOM or 1.0
    plots = [_Plot(points, most, wide) for wide in (_NARROW, _WIDE)]
    sides = [""] * len(points)
    # the current design is labelled first, then from the largest down
    for i in sorted(range(len(points)), key=lambda i: (not points[i].current, -points[i].stored)):
        if not labels[i]:
            continue
        for side in _SIDES:
            if all(plot.free(i, side, labels[i]) for plot in plots):
                sides[i] = side
                for plot in plots:
                    plot.take(i, side, labels[i])
                break
    return sides


class _Plot:
    """The places of points and labels in a plot of one width, in pixels."""

    def __init__(self, points: Sequence[Point], most: float, wide: int) -> None:
        self.wide = wide
        self.spots = [(p.stored / most * wide, (1 - p.acts_like / most) * _HIGH) for p in points]
        self.marks: list[Box] = [(x - 7, y - 7, x + 7, y + 7) for x, y in self.spots]
        self.labels: list[Box] = []

    def box(self, i: int, side: str, label: str) -> Box:
        """Return the box of a label that stands at a side of point i."""
        (x, y), (align, dx, dy) = self.spots[i], _SIDES[side]
        wide = 6.9 * len(label)
        low = x + dx - {"right": wide, "center": wide / 2, "left": 0}[align]
        return low, y + dy - 8, low + wide, y + dy + 8

    def free(self, i: int, side: str, label: str) -> bool:
        """Whether a label there stays inside and touches neither mark nor label."""
        box = self.box(i, side, label)
        others = [mark for place, mark in enumerate(self.marks) if place != i]
        inside = box[0] >= 0 and box[2] <= self.wide and box[1] >= 0 and box[3] <= _HIGH
        return inside and not any(_meet(box, other) for other in (*others, *self.labels))

    def take(self, i: int, side: str, label: str) -> None:
        """Remember that a label stands there."""
        self.labels.append(self.box(i, side, label))


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
