"""Charts as SVG and PNG files, in the light theme, with a font that every machine has."""

from __future__ import annotations

import json
from typing import Any

import vl_convert

from shareviz.charts.palette import CHROME
from shareviz.charts.theme import FONT, Chart

# text in a font that the machine lacks vanishes from a PNG
PRINTED = "Liberation Sans, Arial, Helvetica, sans-serif"


def chart_svg(chart: Chart, *, width: int = 900, title: str = "", footer: str = "") -> str:
    """Return the chart as SVG text.

    Args:
        width: Pixels that stand in for "as wide as the page".
        title: What the picture shows, above it.
        footer: Where it comes from: model, plan, date; below the title.
    """
    return str(vl_convert.vegalite_to_svg(_printable(chart, width, (title, footer))))


def chart_png(chart: Chart, *, width: int = 900, title: str = "", footer: str = "") -> bytes:
    """Return the chart as PNG of twice the pixels, sharp on paper; arguments as `chart_svg`."""
    return bytes(vl_convert.vegalite_to_png(_printable(chart, width, (title, footer)), scale=2))


def _printable(chart: Chart, width: int, words: tuple[str, str]) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(chart.to_json().replace(json.dumps(FONT)[1:-1], PRINTED))
    spec["background"] = CHROME["light"]["page"]
    spec["padding"] = 20
    if spec.get("width") == "container":
        spec["width"] = width
    if any(words):
        spec["title"] = _heading(*words)
    return spec


def _heading(title: str, footer: str) -> dict[str, Any]:
    ink, muted = CHROME["light"]["ink"], CHROME["light"]["muted"]
    return {
        "text": title,
        "subtitle": footer,
        "anchor": "start",
        "offset": 16,
        "color": ink,
        "fontSize": 17,
        "subtitleColor": muted,
        "subtitleFontSize": 12,
        "subtitlePadding": 6,
    }
