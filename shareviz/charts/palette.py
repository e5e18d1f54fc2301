"""The colours: twelve identities that stay the same in both themes, and chrome without hue.

Identity colours alternate dark and light, so that neighbours differ in lightness too. A fill is never
the only signal: each cell carries its id, and past S12 the colours repeat with a dotted inner ring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

THEMES = ("light", "dark")
COLOURED = 24  # sets beyond this are grey with an id


@dataclass(frozen=True, slots=True)
class Identity:
    """The colours of one set: `fill` in both themes, `text` on it, `line` on a light and a dark page."""

    name: str
    fill: str
    text: str
    light: str
    dark: str

    def line(self, theme: str) -> str:
        """Return the colour of borders and ties, at least 3:1 on the page of this theme."""
        return self.dark if theme == "dark" else self.light


_DARK_TEXT, _LIGHT_TEXT = "#101418", "#ffffff"

IDENTITIES: tuple[Identity, ...] = (
    Identity("blue", "#0886d3", _DARK_TEXT, "#0886d3", "#0886d3"),
    Identity("orange", "#e7911d", _DARK_TEXT, "#d17f00", "#e7911d"),
    Identity("green", "#186e00", _LIGHT_TEXT, "#186e00", "#237411"),
    Identity("lilac", "#c1a5ff", _DARK_TEXT, "#9f83da", "#c1a5ff"),
    Identity("violet", "#6840a4", _LIGHT_TEXT, "#6840a4", "#7650b2"),
    Identity("lime", "#d2e05c", _DARK_TEXT, "#8e9900", "#d2e05c"),
    Identity("mauve", "#a86c83", _DARK_TEXT, "#a86c83", "#a86c83"),
    Identity("aqua", "#72eaf1", _DARK_TEXT, "#11a3aa", "#72eaf1"),
    Identity("berry", "#982960", _LIGHT_TEXT, "#982960", "#a73c6e"),
    Identity("sage", "#70b19b", _DARK_TEXT, "#5e9e89", "#70b19b"),
    Identity("olive", "#7f8338", _DARK_TEXT, "#7f8338", "#7f8338"),
    Identity("peach", "#fdbeb2", _DARK_TEXT, "#be8378", "#fdbeb2"),
)

CHROME: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "light": MappingProxyType(
            {
                "page": "#ffffff",
                "band": "#f3f5f7",
                "ink": "#1b2430",
                "muted": "#5b6876",
                "line": "#d9dee5",
                "primary": "#1d2733",
                "link": "#0b5cad",
            }
        ),
        "dark": MappingProxyType(
            {
                "page": "#0f141b",
                "band": "#1a212b",
                "ink": "#e6e9ee",
                "muted": "#9aa6b4",
                "line": "#313b48",
                "primary": "#dfe6ee",
                "link": "#7cc0f5",
            }
        ),
    }
)

# Shades of stacked bars by kind of tensor: tables, attention, feed-forward, norms and the rest
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "light": ("#3d4b5c", "#7b8998", "#b3bdc9", "#dfe4ea"),
        "dark": ("#e3e9f0", "#a3afbd", "#6b7888", "#414c5a"),
    }
)


def number(set_id: str) -> int:
    """Return the number of a set's id: 3 for S3."""
    return int(set_id.removeprefix("S"))


def identity(set_id: str) -> Identity | None:
    """Return the colours of a set, or None for the grey ones beyond S24.

    Example:
        >>> identity("S1").name, identity("S13").name, identity("S25")
        ('blue', 'blue', None)
    """
    place = number(set_id)
    return IDENTITIES[(place - 1) % len(IDENTITIES)] if 1 <= place <= COLOURED else None


def repeats(set_id: str) -> bool:
    """Whether the colour of this set is used a second time, and so wears a dotted ring."""
    return len(IDENTITIES) < number(set_id) <= COLOURED
