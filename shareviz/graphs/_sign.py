"""The signs + and − of a drawing made into buttons: found by their colours, moved into a group each."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from shareviz.graphs import paint

_SVG = "http://www.w3.org/2000/svg"
_OURS = {paint.MARK, paint.PLATE}


def make_button(group: Element, mark: str, title: str, is_open: bool) -> None:
    """Move the sign of a box or frame to its end, as a button that says what it does."""
    holder, parts = _parts(group)
    if not parts:
        return
    words = f"Close {title}" if is_open else f"Open {title}"
    given = {"class": "fold", "data-fold": mark, "role": "button", "tabindex": "0", "aria-label": words}
    button = ElementTree.SubElement(holder, f"{{{_SVG}}}g", given | {"aria-expanded": str(is_open).lower()})
    said = ElementTree.SubElement(button, f"{{{_SVG}}}title")
    said.text = words
    for part in parts:
        holder.remove(part)
        button.append(part)


def _parts(group: Element) -> tuple[Element, list[Element]]:
    """Return the element whose children are the sign, and these."""
    for holder in group.iter():
        parts = [one for one in holder if {one.get("fill"), one.get("stroke")} & _OURS]
        if parts:
            return holder, parts
    return group, []
