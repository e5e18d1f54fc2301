"""How pictures are wanted: the turns of the Export menu, and pictures as PNG and as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamlit.delta_generator import DeltaGenerator

from shareviz.charts.export import Print, chart_png, chart_svg
from shareviz.charts.theme import Chart
from shareviz.takeaway import png
from shareviz.ui.view import Export

DARK, CLEAR, SCALE = "sv_dark", "sv_clear", "sv_scale"
SCALES = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Taste:
    """The theme of a picture, whether nothing lies behind it, and the pixels of a PNG for each point."""

    theme: str
    transparent: bool
    scale: int


def draw_taste(menu: DeltaGenerator) -> Taste:
    """Draw the turns that all pictures of a page follow, and return how they stand."""
    dark = menu.toggle("Dark pictures", key=DARK, help="Light suits paper, dark a dark slide.")
    clear = menu.toggle("Transparent", key=CLEAR, help="The slide shows through behind the picture.")
    scale = menu.segmented_control(
        "Size of a PNG", SCALES, default=2, required=True, format_func=lambda n: f"×{n}", key=SCALE
    )
    return Taste("dark" if dark else "light", clear, scale or 2)


def picture_exports(title: str, stem: str, draw: Callable[[], str], taste: Taste) -> list[Export]:
    """Return a picture as PNG and as SVG; it is drawn when one of them is clicked."""
    return [
        Export(f"{title} (PNG)", f"{stem}.png", "image/png", lambda: png(draw(), scale=taste.scale)),
        Export(f"{title} (SVG)", f"{stem}.svg", "image/svg+xml", lambda: draw().encode()),
    ]


def chart_exports(
    title: str, stem: str, draw: Callable[[], Chart], given: tuple[Print, float]
) -> list[Export]:
    """Return a chart as PNG and as SVG, drawn when one of them is clicked.

    Args:
        given: How it is printed, in the theme that it is drawn in, and the scale of the PNG.
    """
    about, scale = given
    return [
        Export(f"{title} (PNG)", f"{stem}.png", "image/png", lambda: chart_png(draw(), scale=scale, **about)),
        Export(f"{title} (SVG)", f"{stem}.svg", "image/svg+xml", lambda: chart_svg(draw(), **about).encode()),
    ]
