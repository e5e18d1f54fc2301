"""What every way to share stores: stacked grey bars, one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from shareviz.charts.palette import CHROME, KINDS
from shareviz.charts.theme import Chart, Record, inline, themed
from shareviz.savings import GROUPS
from shareviz.text import count, exact, smaller

_BAND = 27  # pixels of one bar and the space below it


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
