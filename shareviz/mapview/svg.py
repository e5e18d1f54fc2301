"""The sharing map as a picture file: the same ids, colours and numbers as on the page."""

from __future__ import annotations

from shareviz.mapview._picture import Picture
from shareviz.mapview._sheet import Caption, Sheet, room

__all__ = ["Caption", "map_svg", "png"]


def map_svg(shown: Picture, caption: Caption, *, theme: str = "light", bare: bool = False) -> str:
    """Return the map as an SVG document of its own; names are escaped here.

    Args:
        bare: Nothing lies behind the map.
    """
    sheet = Sheet(theme, room(shown), bare=bare)
    y = sheet.heading(caption)
    tops: list[tuple[str, float]] = []
    for bar in shown.above:
        y = sheet.bar(bar, y, tops)
    for section in shown.sections:
        y = sheet.section(section, y)
    for bar in shown.below:
        y = sheet.bar(bar, y, tops)
    sheet.ties(shown.ties, tops)
    return sheet.document(y, caption.footer)


def png(svg: str, *, scale: float = 2) -> bytes:
    """Return an SVG document as a PNG."""
    import vl_convert

    return bytes(vl_convert.svg_to_png(svg, scale=scale))
