"""How charts look: one set of rules for axes, bars and labels, in light and in dark.

The rules go into each chart rather than into Altair's global theme, which is one for the whole process
while two visitors may look at two themes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from shareviz.charts.palette import CHROME

FONT = '"Source Sans", sans-serif'  # bundled with Streamlit
Chart = alt.Chart | alt.LayerChart | alt.FacetChart
Record = dict[str, str | int | float | bool]


def inline(rows: Sequence[Record]) -> alt.InlineData:
    """Return rows as data that stand in the chart itself.

    A DataFrame would pass through Altair's data transformer, which is one for the whole process: while
    Streamlit swaps it to draw a page, a download made in another thread would lose its rows.
    """
    return alt.InlineData(values=list(rows))


def config(mode: str = "light") -> dict[str, Any]:
    """Return Vega-Lite's config for a theme: light or dark."""
    chrome = CHROME[mode]
    text = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    colours = {"labelColor": chrome["muted"], "titleColor": chrome["muted"]}
    lines = {"gridColor": chrome["line"], "domainColor": chrome["line"]}
    return {
        "background": "transparent",
        "font": FONT,
        "padding": {"left": 0, "right": 4, "top": 4, "bottom": 0},
        "view": {"stroke": None},
        "axis": {
            **text,
            **colours,
            **lines,
            "ticks": False,
        },
        "axisX": {"tickColor": chrome["line"], "labelPadding": 6},
        "axisY": {"labelPadding": 8},
        "legend": {
            "orient": "top",
            "direction": "horizontal",
            "columns": 2,
            "symbolType": "square",
            "title": None,
            "labelFontSize": 12.5,
            "labelColor": chrome["ink"],
            "offset": 10,
        },
        "header": {"labelColor": chrome["ink"], "labelFontSize": 13, "title": None},
        "mark": {"aria": False},  # the chart says what it shows; its marks would be pictures without a name
        "bar": {"size": 17},
        "point": {"filled": True, "size": 110, "opacity": 1, "color": chrome["ink"]},
        "rule": {"color": chrome["muted"]},
        "text": {"fontSize": 13, "color": chrome["ink"], "font": FONT},
    }


def themed(chart: Chart, mode: str = "light") -> Chart:
    """Return the chart with the rules of a theme in it; show it with `theme=None`."""
    made: Chart = chart.configure(**config(mode))
    return made


@alt.theme.register("shareviz", enable=False)
def _light() -> alt.theme.ThemeConfig:
    """Give notebooks the same look: `alt.theme.enable("shareviz")`."""
    return {"config": config("light")}  # type: ignore[typeddict-item]
