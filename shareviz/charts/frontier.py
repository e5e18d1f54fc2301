"""Quality against stored parameters: a point with its interval for each version, and what none beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log10
from typing import Literal

import altair as alt

from shareviz.charts.labels import SIDES, WIDTHS, Room, sides
from shareviz.charts.palette import CHROME, KINDS
from shareviz.charts.theme import Chart, Record, inline, themed
from shareviz.text import clean, count, exact
from shareviz.training.results import Result
from shareviz.training.statistics import LEAST_SEEDS, t_interval
from shareviz.training.verdict import amount, measured

_HIGH = 260  # pixels of the plot
_LOG = 8.0  # times between the smallest and the largest: from here on the axis counts in tens
_AIR = 0.08  # of an axis on either side of what it holds


@dataclass(frozen=True, slots=True)
class Spot:
    """One version: what it stores, its mean over seeds, and the mean's 95 % interval, or None.

    `beaten` says that another stores no more and has a mean that is no worse. Means have noise: the
    comparisons say which differences are more than that.
    """

    title: str
    stored: int
    mean: float
    low: float | None = None
    high: float | None = None
    beaten: bool = False


def frontier_of(result: Result) -> tuple[Spot, ...]:
    """Return the versions that have a mean, in order; seeds that diverged are left out of it."""
    found = []
    for row in result.table():
        values = [value for value in result.values()[row.arm.name].values() if value is not None]
        if row.mean is None:
            continue
        low, high = t_interval(values) if len(values) >= LEAST_SEEDS else (None, None)
        found.append(Spot(clean(row.arm.title, 60), row.arm.stored, row.mean, low, high))
    better = result.task.metric.higher_is_better
    return tuple(
        replace(one, beaten=any(_beats(other, one, better) for other in found if other is not one))
        for one in found
    )


def frontier(result: Result, *, theme: str = "light") -> Chart:
    """Return the chart: grey points are beaten by another; the thin line joins those that are not."""
    spots, scale = frontier_of(result), 100.0 if result.task.metric.share else 1.0
    across, up = _stored_span(spots), _value_span(spots)
    rows = _rows(result, spots, across, up)
    chrome = CHROME[theme]
    kind: Literal["log", "linear"] = "log" if _tens(spots) else "linear"
    x = alt.X(
        "stored:Q",
        title="stored parameters",
        scale=alt.Scale(type=kind, domain=list(across), nice=False),
        axis=alt.Axis(grid=False, tickCount=5, labelExpr="format(datum.value, '~s')", labelOverlap=True),
    )
    y = alt.Y(
        "mean:Q",
        title=measured(result.task.metric) + (", points" if result.task.metric.share else ""),
        scale=alt.Scale(domain=[scale * end for end in up], nice=False, zero=False),
        axis=alt.Axis(domain=False, tickCount=5),
    )
    tip = [alt.Tooltip(f"{name}:N", title=title) for name, title in _TIPS.items()]
    base = alt.Chart(inline(rows)).encode(x, y, tooltip=tip)
    kept = alt.Chart(inline([row for row in rows if not row["beaten"]])).encode(x, y)
    line = kept.mark_line(strokeWidth=1, color=chrome["muted"])
    whole = alt.Chart(inline([row for row in rows if "low" in row])).encode(x)
    span = whole.mark_rule(strokeWidth=2, color=chrome["ink"], opacity=0.55).encode(y="low:Q", y2="high:Q")
    marks = [
        base.transform_filter(alt.datum.beaten == beaten).mark_point(
            filled=True, fill=colour, strokeWidth=0, size=110
        )
        for beaten, colour in ((True, KINDS[theme][2]), (False, chrome["ink"]))
    ]
    words = [
        base.transform_filter(alt.datum.side == side)
        .mark_text(align=align, dx=dx, dy=dy, baseline="middle", stroke=stroke, strokeWidth=4)
        .encode(text="title:N")
        for side, (align, dx, dy) in SIDES.items()
        for stroke in (chrome["page"], None)
    ]
    layers = (line, span, *marks, *words)
    return themed(alt.layer(*layers).properties(height=_HIGH, width="container"), theme)


_TIPS = {"title": "version", "exact": "stored", "said": "mean", "between": "95 % interval"}


def _beats(one: Spot, other: Spot, higher_is_better: bool) -> bool:
    same = one.mean == other.mean
    better = same or (one.mean > other.mean) == higher_is_better
    return one.stored <= other.stored and better and not (same and one.stored == other.stored)


def _tens(spots: Sequence[Spot]) -> bool:
    sizes = [spot.stored for spot in spots]
    return bool(sizes) and min(sizes) > 0 and max(sizes) > _LOG * min(sizes)


def _stored_span(spots: Sequence[Spot]) -> tuple[float, float]:
    sizes = [spot.stored for spot in spots] or [1]
    if _tens(spots):
        reach = (max(sizes) / min(sizes)) ** _AIR
        return min(sizes) / reach, max(sizes) * reach
    return 0.0, max(sizes) * (1 + _AIR)


def _value_span(spots: Sequence[Spot]) -> tuple[float, float]:
    ends = [end for spot in spots for end in (spot.mean, spot.low, spot.high) if end is not None] or [0.0]
    air = (max(ends) - min(ends)) * 2 * _AIR or 0.01
    return min(ends) - air, max(ends) + air


def _rows(
    result: Result, spots: Sequence[Spot], across: tuple[float, float], up: tuple[float, float]
) -> list[Record]:
    scale = 100.0 if result.task.metric.share else 1.0
    rows: list[Record] = []
    for spot, side in zip(spots, _sides(spots, across, up), strict=True):
        row: Record = {
            "title": spot.title,
            "side": side,
            "stored": spot.stored,
            "mean": scale * spot.mean,
            "beaten": spot.beaten,
            "exact": exact(spot.stored) if spot.stored < 100_000 else count(spot.stored),
            "said": amount(result, spot.mean),
            "between": "too few seeds",
        }
        if spot.low is not None and spot.high is not None:
            row |= {"low": scale * spot.low, "high": scale * spot.high}
            row["between"] = f"{amount(result, spot.low)} to {amount(result, spot.high)}"
        rows.append(row)
    return rows


def _sides(spots: Sequence[Spot], across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    """Return where each label goes; one may stand on its own interval, with a rim that keeps it legible."""
    if not spots:
        return []
    places = tuple((_part(spot.stored, across, tens=_tens(spots)), _part(spot.mean, up)) for spot in spots)
    rooms = [Room(wide, _HIGH, places, tuple(spot.title for spot in spots)) for wide in WIDTHS]
    return sides(rooms, sorted(range(len(spots)), key=lambda i: (spots[i].beaten, -spots[i].stored)))


def _part(value: float, span: tuple[float, float], *, tens: bool = False) -> float:
    low, high = span
    if tens:
        value, low, high = log10(value), log10(low), log10(high)
    return (value - low) / (high - low)
