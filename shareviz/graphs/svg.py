"""The SVG of the layout program made ready for a page: colours, tooltips, and the sets to join on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from shareviz.graphs import paint
from shareviz.graphs._sign import make_button
from shareviz.graphs._width import laid_out
from shareviz.graphs.parts import Graph

_SVG = "http://www.w3.org/2000/svg"
_FONTS = "Arial, 'Liberation Sans', Helvetica, sans-serif"
ElementTree.register_namespace("", _SVG)


def finish(raw: bytes, graph: Graph, *, theme: str) -> str:
    """Return the drawing as one `<svg>` element. Boxes, ties and chips carry `data-set`, boxes a title.

    Args:
        raw: What `layout` gave for this graph.
        theme: screen (colours are CSS variables), light or dark.
    """
    root = ElementTree.fromstring(raw)
    titles = {f"g-{box.id}": box.names for box in graph.boxes}
    signs = {f"g-{box.id}": (box.mark, box.title, box.open) for box in graph.boxes if box.mark}
    signs |= {f"g-{one.id}": (one.mark, one.title, True) for one in graph.clusters if one.mark}
    for group in list(root.iter(f"{{{_SVG}}}g")):
        name = group.get("id", "")
        _describe(group, titles)
        if name in signs:
            make_button(group, *signs[name])
    put = paint.painter(theme)
    for element in root.iter():
        _colour(element, put)
    _frame(root, graph)
    return ElementTree.tostring(root, encoding="unicode")


def _describe(group: Element, titles: Mapping[str, str]) -> None:
    """Give a box its title and its sets, a chip its set; drop the titles that hold ids of the DOT."""
    name = group.attrib.pop("id", "")
    title = group.find(f"{{{_SVG}}}title")
    if title is not None:
        group.remove(title)
    sets = [word for word in group.get("class", "").split() if word[:1] == "S" and word[1:].isdigit()]
    if sets:
        group.set("data-set", " ".join(sets))
    if name in titles:
        group.set("id", name)
        said = ElementTree.Element(f"{{{_SVG}}}title")
        said.text = titles[name]
        group.insert(0, said)
    if "box" in group.get("class", ""):
        for element in group.iter(f"{{{_SVG}}}text"):
            _end_at_the_right(element)
    chip = ""
    for element in group:
        chip = paint.set_of_fill(element.get("fill", "")) or chip
        if chip and paint.is_set(element.get("fill", "")):
            element.set("data-set", chip)


def _end_at_the_right(element: Element) -> None:
    """Anchor a number of a box at its right end, so that a page's narrower font keeps the column even."""
    if element.get("fill") == paint.MUTED and element.get("text-anchor") == "start":
        size = float(element.attrib["font-size"])
        end = float(element.attrib["x"]) + laid_out(element.text or "", size)
        element.attrib |= {"text-anchor": "end", "x": f"{end:.2f}"}


def _colour(element: Element, put: Callable[[str], str]) -> None:
    if paint.is_ringed(element.get("fill", "")):
        element.attrib |= {"stroke": paint.ring(element.get("fill", "")), "stroke-dasharray": "1,2"}
    for name in ("fill", "stroke"):
        if name in element.attrib:
            element.set(name, put(element.attrib[name]))
    if "font-family" in element.attrib:
        element.set("font-family", _FONTS)


def _frame(root: Element, graph: Graph) -> None:
    """Size the drawing in pixels, one for each point, and say what it shows."""
    width, height = (root.attrib[side].removesuffix("pt") for side in ("width", "height"))
    root.attrib |= {"width": width, "height": height, "role": "img", "aria-label": graph.sentence}
