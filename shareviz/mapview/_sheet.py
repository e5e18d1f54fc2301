"""The sheet of a map: elements as they are drawn, from the top down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from xml.sax.saxutils import escape, quoteattr

from shareviz.charts.palette import CHROME, identity, repeats
from shareviz.mapview._picture import Bar, Cell, Picture, Section

WIDTH = 760
MARGIN = 24
RIGHT = 26  # for the dashed lines of ties
GAP = 3
FONT = "'Liberation Sans', Arial, sans-serif"  # a font that exists: text in an unknown one vanishes in a PNG


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands above and below the map: title, sentence, and where it comes from."""

    title: str
    sentence: str
    footer: str


def room(shown: Picture) -> float:
    """Return the width of the margin in which labels of bars and rows stand."""
    longest = max((len(bar.label) for bar in (*shown.above, *shown.below)), default=8)
    return min(160.0, max(72.0, 6.4 * longest + 12))


def _label_width(section: Section, room: float) -> float:
    if section.header != "module":
        return room
    longest = max((len(row.label) for row in section.rows), default=8)
    return min(300.0, max(room, 6.4 * longest + 12))


class Sheet:
    """Elements as they are drawn, from the top down."""

    def __init__(self, theme: str, room: float = 0, *, width: float = WIDTH, bare: bool = False) -> None:
        """Begin a sheet.

        Args:
            room: Of the margin in which labels stand.
            bare: Nothing lies behind what is drawn.
        """
        self.theme = theme
        self.room = room
        self.width = width
        self.bare = bare
        self.drawn = 0  # bars and cells, which are numbered as in `Picture.places`
        self.chrome = CHROME[theme]
        self.parts: list[str] = []
        self.stripes: set[str] = set()

    def text(
        self, x: float, y: float, said: str, *, size: float = 12, anchor: str = "start", **more: str
    ) -> None:
        """Write one line; `weight` and `fill` may be given."""
        weight, fill = more.get("weight", "400"), more.get("fill", self.chrome["ink"])
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}" fill="{fill}">{escape(said)}</text>'
        )

    def heading(self, caption: Caption) -> float:
        """Write title and sentence, where there are any; return where the map begins."""
        if not caption.title:
            return MARGIN / 2
        self.text(MARGIN, MARGIN + 18, caption.title, size=20, weight="700")
        y = MARGIN + 40.0
        for line in wrapped(caption.sentence, round(self.width / 7.4)):
            self.text(MARGIN, y, line, size=13, fill=self.chrome["muted"])
            y += 17
        return y + 6

    def bar(self, bar: Bar, y: float, places: list[tuple[str, float]]) -> float:
        """Draw a bar across the map; return where the next begins."""
        self.begin(-1)
        left, width = MARGIN + self.room, WIDTH - 2 * MARGIN - self.room - RIGHT - GAP
        self.text(left - 8, y + 16, bar.label, anchor="end", fill=self.chrome["muted"])
        colour = self.block((left, y, width, 24), bar.set, bar.style, bar.title)
        x = left + 10
        if bar.set:
            self.chip(x, y + 16, bar.set, bar.style, colour)
            x += 10 + 8 * len(bar.set)
        self.chip(x, y + 16, bar.text, bar.style, colour, weight="400")
        self.end()
        if bar.set:
            places.append((bar.set, y + 12))
        return y + 28

    def begin(self, row: int) -> None:
        """Begin what stands in one place of the map, or in one row of it."""
        where = f"{self.drawn}" if row < 0 else f"{self.drawn}.{row}"
        self.parts.append(f'<g data-place="{where}">')

    def end(self, more: bool = False) -> None:
        """End what stands in a place; `more` of its rows follow."""
        self.parts.append("</g>")
        self.drawn += not more

    def block(self, box: tuple[float, float, float, float], id_: str, style: str, title: str) -> str:
        """Draw one block and return the colour of text on it."""
        x, y, w, h = box
        one = identity(id_) if id_ else None
        fill = one.fill if one else self.chrome["line" if id_ else "band"]
        line = one.line(self.theme) if one else self.chrome["muted" if id_ else "line"]
        ring, stroke = self.chrome["line"] if not id_ else line, "1"
        if style == "outline":
            fill, ring, stroke = self.chrome["page"], self.chrome["muted"], "1.5"
        shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{min(4, h / 3):.1f}"'
        if style == "cut":
            corner = min(9, w / 3, h / 2)
            shape = (
                f'<path d="M{x:.1f} {y:.1f}H{x + w - corner:.1f}L{x + w:.1f} {y + corner:.1f}'
                f'V{y + h:.1f}H{x:.1f}Z"'
            )
        if style == "stripes":
            self.stripes.add(fill)
            fill = f"url(#s{fill[1:]})"
        told = f"<title>{escape(title)}</title>"
        self.parts.append(
            f'{shape} fill="{fill}" stroke="{ring}" stroke-width="{stroke}" data-set={quoteattr(id_)}>{told}'
            f"</{'path' if shape.startswith('<path') else 'rect'}>"
        )
        if id_ and repeats(id_) and min(w, h) > 8:
            self.parts.append(
                f'<rect x="{x + 3:.1f}" y="{y + 3:.1f}" width="{w - 6:.1f}" height="{h - 6:.1f}" fill="none" '
                f'stroke="{one.text if one else line}" stroke-width="2" stroke-dasharray="2 2"/>'
            )
        return one.text if one else self.chrome["ink"]

    def chip(self, x: float, y: float, said: str, style: str, colour: str, **more: str) -> None:
        """Write an id in bold, or words of another `weight`; on stripes they get a plain ground."""
        anchor, weight = more.get("anchor", "start"), more.get("weight", "700")
        if style == "stripes":
            w = (7.5 if weight == "700" else 6.4) * len(said) + 6
            left = x - 3 if anchor == "start" else x - w / 2
            page = self.chrome["page"]
            self.parts.append(
                f'<rect x="{left:.1f}" y="{y - 11:.1f}" width="{w:.1f}" height="15" fill="{page}"/>'
            )
            colour = self.chrome["ink"]
        self.text(x, y, said, anchor=anchor, weight=weight, fill=colour)

    def section(self, section: Section, y: float) -> float:
        """Draw a grid; return where the next part begins."""
        label = _label_width(section, self.room)
        if section.title:
            y += 6
            self.text(MARGIN, y + 16, section.title, size=13, weight="700")
            y += 22
        xs, width = self._columns(section, MARGIN + label)
        y = self._heads(section, xs, width, y + 6)
        pitch = section.pitch
        step = 1 if pitch >= 12 else ceil(28 / pitch)
        while 1 < step < len(section.rows) and len(section.rows) % step:
            step += 1
        for n in range(0, len(section.rows), step):
            middle = y + n * pitch + (pitch / 2 + 3 if step == 1 else 10)
            self.text(
                MARGIN + label - 8,
                middle,
                section.rows[n].label,
                size=11.5,
                anchor="end",
                fill=self.chrome["muted"],
            )
        for cell in section.cells:
            self._cell(cell, (xs[cell.column], y + cell.row * pitch, width), pitch)
        y += len(section.rows) * pitch
        return self._sums(section, xs, width, y)

    def _columns(self, section: Section, left: float) -> tuple[list[float], float]:
        count = len(section.columns)
        room = WIDTH - MARGIN - RIGHT - left - 12 * (len(section.groups) - 1)
        width = room / max(1, count)
        xs = []
        x = left
        for group in section.groups:
            for _ in group.columns:
                xs.append(x)
                x += width
            x += 12
        return xs, width - GAP

    def _heads(self, section: Section, xs: Sequence[float], width: float, y: float) -> float:
        titled = any(group.title for group in section.groups)
        at = 0
        for group in section.groups:
            if group.title:
                end = xs[at + len(group.columns) - 1] + width
                self.text(xs[at], y + 12, group.title, size=12.5, weight="700")
                self.parts.append(
                    f'<path d="M{xs[at]:.1f} {y + 18}H{end:.1f}" stroke="{self.chrome["line"]}"/>'
                )
            for n, column in enumerate(group.columns, at):
                below = y + (32 if titled else 12)
                self.text(
                    xs[n] + width / 2,
                    below,
                    column.label,
                    size=11.5,
                    anchor="middle",
                    fill=self.chrome["muted"],
                )
            at += len(group.columns)
        self.text(
            xs[0] - 11,
            y + (32 if titled else 12),
            section.header,
            size=11.5,
            anchor="end",
            fill=self.chrome["muted"],
        )
        return y + (39 if titled else 19)

    def _cell(self, cell: Cell, at: tuple[float, float, float], pitch: float) -> None:
        x, y, width = at
        gap = GAP if pitch >= 12 else 0.6
        if not cell.set and pitch >= 12:
            for row in range(cell.span):
                self.begin(row if cell.span > 1 else -1)
                self.block((x, y + row * pitch, width, pitch - gap), "", cell.style, cell.label)
                self.end(more=row + 1 < cell.span)
            return
        self.begin(-1)
        height = max(cell.span * pitch - gap, 0.1)
        colour = self.block((x, y, width, height), cell.set, cell.style, cell.label)
        if not cell.set:  # seams: many layers with their own must not look like one stored block
            seam = ceil(3 / pitch)
            lines = "".join(
                f"M{x:.1f} {y + row * pitch:.1f}h{width:.1f}" for row in range(1, cell.span, seam)
            )
            self.parts.append(f'<path d="{lines}" stroke="{self.chrome["line"]}" stroke-width="0.8"/>')
        else:
            self._words(cell, (x, y, width, height), colour)
        if cell.bridge:
            self._bridge(x + width + GAP / 2, y + height / 2)
        self.end()

    def _words(self, cell: Cell, box: tuple[float, float, float, float], colour: str) -> None:
        x, y, width, height = box
        lines = cell.text.split(" ") if len(cell.text) * 7 > width else [cell.text]
        lines = lines if height >= 15 * len(lines) else lines[:1]
        if not cell.text or height < 9:
            return
        top = y + height / 2 + 4.5 - 7.5 * (len(lines) - 1)
        for n, line in enumerate(lines):
            self.chip(x + width / 2, top + 15 * n, line, cell.style, colour, anchor="middle")

    def _bridge(self, x: float, y: float) -> None:
        page, ink = self.chrome["page"], self.chrome["ink"]
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{page}" stroke="{ink}"/>')
        self.text(x, y + 4, "=", anchor="middle", weight="700")

    def _sums(self, section: Section, xs: Sequence[float], width: float, y: float) -> float:
        self.text(xs[0] - 11, y + 16, "stored", size=11.5, anchor="end", fill=self.chrome["muted"])
        at = 0
        for group in section.groups:
            middle = (xs[at] + xs[at + len(group.columns) - 1] + width) / 2
            self.text(middle, y + 16, group.stored, size=12, anchor="middle", weight="700")
            if group.again:
                self.text(middle, y + 31, group.again, size=11.5, anchor="middle", fill=self.chrome["muted"])
            at += len(group.columns)
        return y + 42

    def ties(self, ids: Iterable[str], places: Sequence[tuple[str, float]]) -> None:
        """Draw a dashed line at the right for each tie between bars above and below."""
        x = WIDTH - MARGIN - RIGHT
        for n, id_ in enumerate(ids):
            ys = [y for set_, y in places if set_ == id_]
            edge = x + 20 - 5 * n
            one = identity(id_)
            colour = one.line(self.theme) if one else self.chrome["muted"]
            stubs = "".join(f"M{x + 4} {y}H{edge}" for y in ys[1:-1])
            self.parts.append(
                f'<path d="M{x + 4} {ys[0]}H{edge - 6}q6 0 6 6V{ys[-1] - 6}q0 6 -6 6H{x + 4}{stubs}" '
                f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="5 4" '
                f'class="tie" data-set="{id_}"/>'
            )

    def document(self, y: float, footer: str) -> str:
        """Return the whole sheet with its footer."""
        lines = wrapped(footer, round(self.width / 6.3))
        y += 12 if lines else 0
        for line in lines:
            y += 15
            self.text(MARGIN, y, line, size=11, fill=self.chrome["muted"])
        height = y + (MARGIN if lines else MARGIN / 2)
        page = self.chrome["page"]
        defs = "".join(
            f'<pattern id="s{colour[1:]}" width="8" height="8" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><rect width="8" height="8" fill="{page}"/>'
            f'<rect width="5" height="8" fill="{colour}"/></pattern>'
            for colour in sorted(self.stripes)
        )
        ground = "" if self.bare else f'<rect width="100%" height="100%" fill="{page}"/>'
        size = f"{self.width:.0f}", f"{height:.0f}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
            f'viewBox="0 0 {size[0]} {size[1]}" font-family="{FONT}">'
            f"<defs>{defs}</defs>{ground}{''.join(self.parts)}</svg>"
        )


def wrapped(text: str, most: int) -> list[str]:
    """Return a text in lines of at most so many letters."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < most:
            lines[-1] += f" {word}"
        else:
            lines.append(word[:most])
    return lines
