"""The map as a thumbnail: colours only, for cards."""

from __future__ import annotations

from shareviz.charts.palette import CHROME, identity
from shareviz.mapview._picture import Picture, Section

WIDTH, HEIGHT, BAR, GAP = 200.0, 84.0, 6.0, 2.0
OWN = "#8794a3"  # grey with its own transparency, so that one file serves both themes


def mini_svg(shown: Picture) -> str:
    """Return a small picture of the map on a transparent ground."""
    parts: list[str] = []
    y = 0.0
    for bar in shown.above[:3]:
        parts.append(_rect((0, y, WIDTH, BAR - 1), bar.set))
        y += BAR
    low = len(shown.below[:3]) * BAR
    room = HEIGHT - y - low - GAP * (len(shown.sections) + 1)
    rows = sum(len(section.rows) for section in shown.sections) or 1
    for section in shown.sections:
        y += GAP
        height = room * len(section.rows) / rows
        parts += _section(section, y, height)
        y += height
    y = HEIGHT - low
    for bar in shown.below[:3]:
        parts.append(_rect((0, y + 1, WIDTH, BAR - 1), bar.set))
        y += BAR
    size = f'width="{WIDTH:.0f}" height="{HEIGHT:.0f}" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def _section(section: Section, top: float, height: float) -> list[str]:
    pitch = height / max(1, len(section.rows))
    gaps = 4.0 * (len(section.groups) - 1)
    width = (WIDTH - gaps) / max(1, len(section.columns))
    xs = []
    x = 0.0
    for group in section.groups:
        for _ in group.columns:
            xs.append(x)
            x += width
        x += 4
    gap = min(1.5, pitch / 4)
    parts = []
    for cell in section.cells:
        step = cell.span if cell.set else 1
        for row in range(cell.row, cell.row + cell.span, step):
            box = (xs[cell.column], top + row * pitch, width - 1.5, max(0.4, step * pitch - gap))
            parts.append(_rect(box, cell.set))
    return parts


def _rect(box: tuple[float, float, float, float], id_: str) -> str:
    x, y, width, height = box
    one = identity(id_) if id_ else None
    fill = one.fill if one else CHROME["light"]["muted"] if id_ else OWN
    faint = "" if id_ else ' fill-opacity="0.22"'
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} rx="1.2" fill="{fill}"{faint}/>'
