"""Charts as SVG and PNG files, light or dark, with a font that every machine has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import vl_convert

from shareviz.charts.palette import CHROME
from shareviz.charts.theme import FONT, Chart

# text in a font that the machine lacks vanishes from a PNG
PRINTED = "Liberation Sans, Arial, Helvetica, sans-serif"


class Print(TypedDict, total=False):
    """How a chart is printed, of which all may be left out: its theme, whether nothing lies behind it, words.

    `width` (900) stands in for "as wide as the page", `title` says what the picture shows, above it, and
    `footer` where it comes from: model, plan, date; below the title.
    """

    mode: str
    transparent: bool
    width: int
    title: str
    footer: str


def chart_svg(chart: Chart, **given: Unpack[Print]) -> str:
    """Return the chart, which was drawn in the same theme, as SVG text."""
    return str(vl_convert.vegalite_to_svg(_printable(chart, given)))


def chart_png(chart: Chart, *, scale: float = 2, **given: Unpack[Print]) -> bytes:
    """Return the chart as PNG, by default of twice the pixels, sharp on paper."""
    return bytes(vl_convert.vegalite_to_png(_printable(chart, given), scale=scale))


def _printable(chart: Chart, given: Print) -> dict[str, Any]:
    chrome = CHROME[given.get("mode", "light")]
    spec: dict[str, Any] = json.loads(chart.to_json().replace(json.dumps(FONT)[1:-1], PRINTED))
    spec["background"] = "transparent" if given.get("transparent") else chrome["page"]
    spec["padding"] = 20
    if spec.get("width") == "container":
        spec["width"] = given.get("width", 900)
    words = given.get("title", ""), given.get("footer", "")
    if any(words):
        spec["title"] = _heading(*words, chrome)
    return spec


def _heading(title: str, footer: str, chrome: Mapping[str, str]) -> dict[str, Any]:
    return {
        "text": title,
        "subtitle": footer,
        "anchor": "start",
        "offset": 16,
        "color": chrome["ink"],
        "fontSize": 17,
        "subtitleColor": chrome["muted"],
        "subtitleFontSize": 12,
        "subtitlePadding": 6,
    }
