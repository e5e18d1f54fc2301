"""Pictures to take away: the graph, the map, both side by side, or two models and what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from shareviz.charts.palette import CHROME
from shareviz.compare import compare, differing
from shareviz.graphs import Look, fold, graph_svg
from shareviz.graphs.look import USUAL
from shareviz.graphs.search import search
from shareviz.headline import headline
from shareviz.mapview import picture
from shareviz.mapview._sheet import MARGIN, Sheet, wrapped
from shareviz.mapview.search import found_places
from shareviz.mapview.svg import Caption, map_svg, png
from shareviz.snapshot import Snapshot
from shareviz.text import clean, plural

__all__ = ["KINDS", "Caption", "Wish", "compared_svg", "picture_svg", "png"]

KINDS = ("graph", "map", "both")
FAINT = "0.26"  # of what steps back, as on the page
BESIDE = 24  # between two pictures
MOST_LINES = 14  # of differences below two models
BLANK = Caption("", "", "")
LIT = "Strong: tied otherwise in the other model, or not there. Faint: alike in both."


@dataclass(frozen=True, slots=True)
class Wish:
    """How a picture is wanted; equal wishes of equal models give equal bytes.

    `look` unfolds the graph. `pattern` is what a search lights, `lit` the id of the set that stays lit.
    `alike` are copies with equal bytes, as the map outlines them.
    """

    what: str = "graph"
    theme: str = "light"
    transparent: bool = False
    look: Look = USUAL
    pattern: str = ""
    lit: str = ""
    alike: tuple[tuple[str, str], ...] = field(default=())


class _Panel(NamedTuple):
    """A finished drawing to be set into a sheet."""

    svg: str
    width: float
    height: float


def picture_svg(snapshot: Snapshot, caption: Caption, wish: Wish) -> str:
    """Return the wanted picture as one SVG document: the screen's ids, colours and numbers.

    Raises:
        SharevizError: As `graph_svg`, where the graph is wanted.
    """
    names = search(snapshot, wish.pattern).names if wish.pattern.strip() else None
    if wish.what == "graph":
        return _graph(snapshot, caption.footer, wish, names)
    if wish.what == "map":
        return _map(snapshot, caption, wish, names)
    inner = [_map(snapshot, BLANK, wish, names), _graph(snapshot, "", wish, names)]
    return _sheet([[_panel(svg, f"p{n}") for n, svg in enumerate(inner)]], caption, wish)


def compared_svg(a: Snapshot, b: Snapshot, titles: tuple[str, str], wish: Wish) -> str:
    """Return two models side by side, maps above graphs, with what is tied otherwise lit, and in words.

    Raises:
        SharevizError: As `graph_svg`.
    """
    found = compare(a, b)
    maps, graphs = [], []
    for side, seen, names in zip("ab", (a, b), differing(a, b), strict=True):
        lit = names or None
        caption = Caption(clean(titles["ab".index(side)], 60), headline(seen), "")
        maps.append(_panel(_map(seen, caption, wish, lit), f"{side}m"))
        graphs.append(_panel(_graph(seen, "", wish, lit), f"{side}g"))
    lines = [difference.text for difference in found[:MOST_LINES]]
    more = len(found) - len(lines)
    lines += [f"and {plural(more, 'more difference')}"] * bool(more)
    title = f"{plural(len(found), 'difference')}" if found else "No difference"
    sentence = LIT if found else "The same names, shapes and ties."
    return _sheet([maps, graphs], Caption(title, sentence, ""), wish, lines)


def _map(snapshot: Snapshot, caption: Caption, wish: Wish, names: frozenset[str] | None) -> str:
    shown = picture(snapshot, False, wish.alike)
    svg = map_svg(shown, caption, theme=wish.theme, bare=wish.transparent)
    if names:
        places = {f"{n}" if row < 0 else f"{n}.{row}" for n, row in found_places(shown, names)}
        torn = {bar.set for bar in (*shown.above, *shown.below) if bar.set and names.isdisjoint(bar.names[0])}
        svg = _faint(svg, "data-place", lambda one: one.attrib["data-place"] in places)
        svg = _faint(svg, "class", lambda one: one.get("data-set") not in torn)
    if wish.lit:
        svg = _faint(svg, "data-place", lambda one: any(part.get("data-set") == wish.lit for part in one))
        svg = _faint(svg, "class", lambda one: one.get("data-set") == wish.lit)
    return svg


def _graph(snapshot: Snapshot, footer: str, wish: Wish, names: frozenset[str] | None) -> str:
    svg = graph_svg(snapshot, wish.look, theme=wish.theme, footer=footer, bare=wish.transparent)
    if names:
        boxes = fold(snapshot, wish.look).boxes
        held = {f"g-{box.id}" for box in boxes if not names.isdisjoint(box.held)}
        # a tie is lit where both its ends are
        torn = {set_ for box in boxes if f"g-{box.id}" not in held for set_ in box.sets}
        svg = _faint(svg, "class", lambda one: one.get("id") in held or not _is_part(one, torn))
    if wish.lit:
        svg = _faint(
            svg, "class", lambda one: not _is_part(one, {"set"}) or wish.lit in one.attrib["class"].split()
        )
    return svg


def _is_part(one: Element, sets: set[str]) -> bool:
    """Whether this is a box, or a tie or hub of one of the sets."""
    kind, *more = one.get("class", "").split() or [""]
    return "box" in (kind, *more) or (bool({"hub", "tie"} & {kind, *more}) and not sets.isdisjoint(more))


def _faint(svg: str, attribute: str, keeps: Callable[[Element], bool]) -> str:
    """Return a drawing in which groups and ties with an attribute step back, but for those that are kept."""
    root = ElementTree.fromstring(svg)
    groups = [one for one in root.iter() if one.tag.endswith(("}g", "}path")) and attribute in one.attrib]
    kept = [keeps(one) for one in groups]
    for one, stays in zip(groups, kept, strict=True):
        if not stays:
            one.set("opacity", FAINT)
    return ElementTree.tostring(root, encoding="unicode")


def _panel(svg: str, prefix: str) -> _Panel:
    """Return a drawing to be nested; its ids get a prefix, so that two drawings have none in common."""
    root = ElementTree.fromstring(svg)
    for one in root.iter():
        if "id" in one.attrib and not one.tag.endswith("}pattern"):
            one.set("id", f"{prefix}-{one.attrib['id']}")
    size = float(root.attrib["width"]), float(root.attrib["height"])
    return _Panel(ElementTree.tostring(root, encoding="unicode"), *size)


def _sheet(rows: Sequence[Sequence[_Panel]], caption: Caption, wish: Wish, lines: Sequence[str] = ()) -> str:
    """Return rows of drawings under a heading, with lines of text and a footer below."""
    columns = [max(row[n].width for row in rows) for n in range(len(rows[0]))]
    width = sum(columns) + BESIDE * (len(columns) - 1) + 2 * MARGIN
    sheet = Sheet(wish.theme, width=width, bare=wish.transparent)
    y = sheet.heading(caption)
    for row in rows:
        x = float(MARGIN)
        for panel, column in zip(row, columns, strict=True):
            sheet.parts.append(_nested(panel, (x + (column - panel.width) / 2, y)))
            x += column + BESIDE
        y += max(panel.height for panel in row) + BESIDE / 2
    for line in (part for one in lines for part in wrapped(one, round(width / 7))):
        y += 18
        sheet.text(MARGIN, y, line, size=13, fill=CHROME[wish.theme]["ink"])
    return sheet.document(y, caption.footer)


def _nested(panel: _Panel, at: tuple[float, float]) -> str:
    return panel.svg.replace("<svg ", f'<svg x="{at[0]:.1f}" y="{at[1]:.1f}" ', 1)
