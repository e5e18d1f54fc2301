"""The ledger on the page: what shrinks, what stays the same, what is estimated, each with a bar."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from shareviz.ledger import FOLLOWS, Heading, Line
from shareviz.text import exact
from shareviz.ui.component import mounted

_LEDGER = mounted(__file__)


def draw_ledger(lines: Sequence[Line], *, key: str) -> None:
    """Draw the lines under their headings; nothing in it can be clicked."""
    _LEDGER(key=key, data={"parts": parts(lines)}, height="content")


def parts(lines: Sequence[Line]) -> list[dict[str, object]]:
    """Return what the component draws: headings, and for each line its words and the length of its bar."""
    found = []
    for heading, members in groupby(lines, key=lambda line: line.after.heading):
        rows = [_row(line) for line in members]
        found.append({"heading": heading.value, "follows": FOLLOWS[heading], "rows": rows})
    return found


def _row(line: Line) -> dict[str, object]:
    known = line.kept is not None
    return {
        "title": line.after.title,
        "value": line.after.shown,
        "of": "" if not known or line.verdict == "same" else f"of {line.before.shown.partition(' / ')[0]}",
        "verdict": line.verdict if known else "",
        "kept": min(1.0, line.kept) if line.kept is not None else None,
        "kind": _kind(line, known=known),
        "exact": _exact(line),
        "note": line.after.note,
    }


def _kind(line: Line, *, known: bool) -> str:
    """Return how the line looks: a grey full bar, a plain full bar, a part of one, or none."""
    if line.verdict != "same":
        return "known" if known else "unknown"
    return "same" if line.after.heading is Heading.SAME else "whole"


def _exact(line: Line) -> str:
    if line.kept is None or line.before.value is None or line.after.value is None:
        return line.after.note
    before, after = exact(round(line.before.value)), exact(round(line.after.value))
    return f"{after} {line.after.unit} of {before}" if before != after else f"{after} {line.after.unit}"
