"""Charts as SVG and PNG files, in the light theme, with a font that every machine has."""

from __future__ import annotations

import json
from typing import Any

import vl_convert

from shareviz.charts.theme import FONT, Chart

# text in a font that the machine lacks vanishes from a PNG
PRINTED = "Liberation Sans, Arial, Helvetica, sans-serif"


def chart_svg(chart: Chart, *, width: int = 900) -> str:
    """Return the chart as SVG text. `width` in pixels stands in for "as wide as the page"."""
    return str(vl_convert.vegalite_to_svg(_printable(chart, width)))


def chart_png(chart: Chart, *, width: int = 900, scale: float = 2) -> bytes:
    """Return the chart as PNG; `scale` 2 is sharp on paper."""
    return bytes(vl_convert.vegalite_to_png(_printable(chart, width), scale=scale))


def _printable(chart: Chart, width: int) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(chart.to_json().replace(json.dumps(FONT)[1:-1], PRINTED))
    spec["background"] = "#ffffff"
    spec["padding"] = 16
    if spec.get("width") == "container":
        spec["width"] = width
    return spec
