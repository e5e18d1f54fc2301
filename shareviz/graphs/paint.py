"""Colours of graphs: the DOT holds sentinels, so one layout serves the screen and both themes of exports."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from shareviz.charts.palette import CHROME, COLOURED, IDENTITIES, number, repeats

INK, MUTED, LINE, CARD, BAND = "#010101", "#020202", "#030303", "#fdfdfd", "#fcfcfc"
MARK, PLATE = "#040404", "#fbfbfb"  # the sign that opens a box, and the ground it stands on
_CHROME = {INK: "ink", MUTED: "muted", LINE: "line", CARD: "page", BAND: "band", MARK: "ink", PLATE: "page"}
_KINDS = {"f": "#a1a10", "r": "#a2a20", "t": "#b1b10", "l": "#c1c10"}  # fill, ringed fill, text on it, line


def fill(set_id: str) -> str:
    """Return the sentinel of a set's fill; past S12 another one, which gets a dotted ring."""
    return _sentinel("r" if repeats(set_id) else "f", set_id, MUTED)


def text_on(set_id: str) -> str:
    """Return the sentinel of text on a set's fill."""
    return _sentinel("t", set_id, CARD)


def line_of(set_id: str) -> str:
    """Return the sentinel of a set's borders and ties."""
    return _sentinel("l", set_id, MUTED)


def _sentinel(kind: str, set_id: str, grey: str) -> str:
    place = number(set_id)
    return f"{_KINDS[kind]}{(place - 1) % len(IDENTITIES) + 1:x}" if place <= COLOURED else grey


def set_of_fill(sentinel: str) -> str:
    """Return the id of the set whose fill this is, or "" (the grey ones share one fill)."""
    for kind, more in (("f", 0), ("r", len(IDENTITIES))):
        if sentinel.startswith(_KINDS[kind]):
            return f"S{int(sentinel[-1], 16) + more}"
    return ""


def is_set(sentinel: str) -> bool:
    """Whether this is the fill of a set or the colour of text on it."""
    return sentinel.startswith((_KINDS["f"], _KINDS["r"], _KINDS["t"]))


def is_ringed(sentinel: str) -> bool:
    """Whether this fill repeats a colour and so wears a dotted ring."""
    return sentinel.startswith(_KINDS["r"])


def ring(sentinel: str) -> str:
    """Return the sentinel of the ring around a repeated fill."""
    return _KINDS["t"] + sentinel[-1]


@cache
def colours(theme: str) -> Mapping[str, str]:
    """Return {sentinel: colour}; the theme screen gives CSS variables: --ink, --card, --f1, --t1, --l1, …"""
    if theme == "screen":
        chrome = {sentinel: f"var(--{name})" for sentinel, name in _CHROME.items()}
        kinds = {"f": "f", "r": "f", "t": "t", "l": "l"}
        places = range(1, len(IDENTITIES) + 1)
        return chrome | {f"{_KINDS[k]}{n:x}": f"var(--{kinds[k]}{n})" for k in _KINDS for n in places}
    found = {sentinel: CHROME[theme][name] for sentinel, name in _CHROME.items()}
    for n, one in enumerate(IDENTITIES, 1):
        shades = {"f": one.fill, "r": one.fill, "t": one.text, "l": one.line(theme)}
        found |= {f"{_KINDS[kind]}{n:x}": shade for kind, shade in shades.items()}
    return found


def painter(theme: str) -> Callable[[str], str]:
    """Return a function that puts a theme's colours in place of the sentinels of a text."""
    found = colours(theme)
    pattern = re.compile("|".join(map(re.escape, found)))
    return lambda text: pattern.sub(lambda match: found[match[0]], text)
