"""What strategies store over one of their numbers: a line for each, named at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from shareviz.charts.axes import unit_of
from shareviz.charts.palette import CHROME
from shareviz.charts.theme import Chart, Record, inline, themed
from shareviz.text import count, exact

HIGH = 300  # pixels of the plot
GAP = 18  # pixels between two labels
_DASHES = ([1, 0], [6, 3], [2, 2], [10, 3, 2, 3], [4, 1], [1, 3])
_LONGEST = 20  # letters of a label; the tooltip has the whole


@dataclass(frozen=True, slots=True)
class Trace:
    """One strategy: what it stores at each value, in the order of the values.

    `current` says that the design on the page is of this strategy, `now` at which value it stands.
    """

    title: str
    points: tuple[tuple[float, int], ...]
    current: bool = False
    now: float | None = None


def sweep_lines(traces: Sequence[Trace], *, turn: str, before: int, mode: str = "light") -> Chart:
    """Return a line for each strategy over the values of one number.

    Strategies that store the same at every value share a line. The present one is drawn by weight, its
    value with a ring; the dashed line is what is stored with nothing shared.

    Args:
        turn: What the number is called.
        before: What the model stores with nothing shared.
    """
    chrome = CHROME[mode]
    merged = together(traces)
    most = max([before, *(stored for trace in merged for _, stored in trace.points)], default=1) or 1
    unit, word = unit_of(most)
    top = most / unit * 1.1
    values = sorted({value for trace in merged for value, _ in trace.points})
    x = alt.X("value:Q", title=turn.lower(), scale=_scale(values), axis=_axis(values))
    title = f"stored parameters{word}"
    y = _height("stored:Q", title, top)
    rows, ends = _tables(merged, unit, top)
    tip = [
        alt.Tooltip("titles:N", title="strategy"),
        alt.Tooltip("value:Q", title=turn.lower()),
        alt.Tooltip("exact:N", title="stored"),
    ]
    base = alt.Chart(inline(rows)).encode(x, y)
    dash = alt.StrokeDash(
        "dash:N", scale=alt.Scale(domain=list(map(str, range(6))), range=_DASHES), legend=None
    )
    line = base.encode(dash, detail="titles:N")
    others = line.transform_filter("!datum.current").mark_line(strokeWidth=1.6, color=chrome["muted"])
    ours = line.transform_filter("datum.current").mark_line(strokeWidth=3, color=chrome["ink"])
    dots = base.encode(tooltip=tip, color=_ink(mode)).mark_point(filled=True, size=34)
    ring = base.transform_filter("datum.now").mark_point(
        filled=False, size=300, strokeWidth=1.8, color=chrome["ink"]
    )
    layers = [
        *_rule(before, unit, y, mode),
        others,
        ours,
        dots,
        ring,
        *_ends(ends, x, (y, _height("shown:Q", title, top)), mode),
    ]
    room = {"left": 0, "top": 6, "bottom": 0, "right": 8}  # the labels find their own room
    return themed(alt.layer(*layers).properties(height=HIGH, width="container", padding=room), mode)


def together(traces: Sequence[Trace]) -> list[Trace]:
    """Return the traces, those with equal points as one: the present one's title first, then the others."""
    found: dict[tuple[tuple[float, int], ...], list[Trace]] = {}
    for trace in traces:
        found.setdefault(trace.points, []).append(trace)
    made: list[Trace] = []
    for points, same in found.items():
        titles = dict.fromkeys(trace.title for trace in sorted(same, key=lambda one: not one.current))
        now = next((trace.now for trace in same if trace.now is not None), None)
        made.append(Trace(", ".join(titles), points, any(trace.current for trace in same), now))
    return made


def spread(heights: Sequence[float], *, high: float, gap: float) -> list[float]:
    """Return heights at least `gap` apart and within 0 … `high`, in the same order, as near as they go.

    More than fit are pressed together evenly.

    Example:
        >>> spread([10, 12, 90], high=100, gap=20)
        [1.0, 21.0, 90.0]
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    gap = min(gap, high / max(1, len(order) - 1))
    blocks: list[list[int]] = []
    for i in order:
        blocks.append([i])
        while len(blocks) > 1 and _low(blocks[-2], heights, gap, high) + gap * len(blocks[-2]) > _low(
            blocks[-1], heights, gap, high
        ):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    placed = [0.0] * len(heights)
    for block in blocks:
        low = _low(block, heights, gap, high)
        for step, i in enumerate(block):
            placed[i] = low + step * gap
    return placed


def _low(block: Sequence[int], heights: Sequence[float], gap: float, high: float) -> float:
    """Return where the lowest of a block goes so that its middle is at the middle of its heights."""
    middle = sum(heights[i] for i in block) / len(block)
    extent = gap * (len(block) - 1)
    return min(max(0.0, middle - extent / 2), max(0.0, high - extent))


def _tables(traces: Sequence[Trace], unit: float, top: float) -> tuple[list[Record], list[Record]]:
    """Return a row for each point, and one for each label at the end of a line."""
    rows: list[Record] = [
        {
            "titles": trace.title,
            "value": value,
            "stored": stored / unit,
            "exact": exact(stored),
            "current": trace.current,
            "now": trace.now == value,
            "dash": str(place % len(_DASHES)),
        }
        for place, trace in enumerate(traces)
        for value, stored in trace.points
    ]
    last = [trace.points[-1] for trace in traces]
    placed = spread([stored / unit / top * HIGH for _, stored in last], high=HIGH - 8.0, gap=GAP)
    ends: list[Record] = [
        {
            "label": _short(trace.title),
            "value": value,
            "stored": stored / unit,
            "shown": height / HIGH * top,
            "current": trace.current,
        }
        for trace, (value, stored), height in zip(traces, last, placed, strict=True)
    ]
    return rows, ends


def _short(titles: str) -> str:
    """Return the first of some titles and how many more there are, cut to a label."""
    first, *more = titles.split(", ")
    kept = f", {len(more)} more" if more else ""
    room = _LONGEST - len(kept)
    return (first if len(first) <= room else f"{first[: room - 1].rstrip()}…") + kept


def _ends(ends: Sequence[Record], x: alt.X, heights: tuple[alt.Y, alt.Y], mode: str) -> list[alt.Chart]:
    """Return the labels beside the plot, each led to by a thin line from the end of its own."""
    chrome = CHROME[mode]
    base = alt.Chart(inline(ends))
    y, shown = heights
    label = base.encode(shown, x=alt.value("width"), text="label:N")
    lead = base.mark_rule(strokeWidth=0.7, color=chrome["muted"], opacity=0.7)
    return [
        lead.encode(x, y, x2=alt.value("width"), y2="shown:Q"),
        label.transform_filter("!datum.current").mark_text(align="left", dx=6),
        label.transform_filter("datum.current").mark_text(align="left", dx=6, fontWeight="bold"),
    ]


def _rule(before: int, unit: float, y: alt.Y, mode: str) -> list[alt.Chart]:
    """Return the dashed line of the model with nothing shared, and its words above it."""
    row: list[Record] = [{"stored": before / unit, "label": f"nothing shared, {count(before)}"}]
    base = alt.Chart(inline(row)).encode(y)
    muted = CHROME[mode]["muted"]
    return [
        base.mark_rule(strokeDash=[4, 4], color=muted),
        base.mark_text(align="left", dy=-9, color=muted, fontSize=12).encode(x=alt.value(2), text="label:N"),
    ]


def _height(field: str, title: str, top: float) -> alt.Y:
    axis = alt.Axis(domain=False, tickCount=5)
    return alt.Y(field, title=title, scale=alt.Scale(domain=[0, top], nice=False), axis=axis)


def _ink(mode: str) -> alt.Color:
    chrome = CHROME[mode]
    scale = alt.Scale(domain=[True, False], range=[chrome["ink"], chrome["muted"]])
    return alt.Color("current:N", scale=scale, legend=None)


def _doubling(values: Sequence[float]) -> bool:
    return len(values) > 3 and all(value > 0 and math.frexp(value)[0] == 0.5 for value in values)


def _scale(values: Sequence[float]) -> alt.Scale:
    if not values:
        return alt.Scale()
    ends = [values[0], values[-1]]
    if _doubling(values):
        return alt.Scale(domain=ends, nice=False, type="log", base=2)
    return alt.Scale(domain=ends, nice=False, zero=False)


def _axis(values: Sequence[float]) -> alt.Axis:
    whole = [int(value) if float(value).is_integer() else value for value in values]
    return alt.Axis(grid=False, values=whole, labelOverlap="greedy", format="~d", labelFlush=False)
