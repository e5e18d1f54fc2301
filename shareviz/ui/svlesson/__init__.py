"""The picture of a lesson: places as tiles, without and with sharing, and what shrinks below."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shareviz.lessons import Bar, Shown, Tiles
from shareviz.text import count, exact, plural
from shareviz.ui.component import mounted

_LESSON = mounted(__file__)
_MOST_CHIPS = 6


def draw_lesson(shown: Shown, *, key: str) -> None:
    """Draw both sides of a lesson and its bars."""
    sides = [_panel(shown.before), _panel(shown.after)]
    _LESSON(key=key, data={"panels": sides, "bars": [_bar(bar) for bar in shown.bars], "mini": False})


def draw_mini(tiles: Tiles, *, key: str) -> None:
    """Draw the small picture of a card."""
    _LESSON(key=key, data={"panels": [_panel(tiles)], "bars": [], "mini": True})


def _panel(tiles: Tiles) -> dict[str, Any]:
    ids = tiles.ids
    often = Counter(one for one in ids if one)
    stored = f"{exact(tiles.stored)} stored for {plural(len(ids), 'place')}"
    return {
        "title": tiles.title,
        "columns": tiles.columns,
        "tiles": [[one, tiles.labels[n] if tiles.labels else ""] for n, one in enumerate(ids)],
        "stored": stored,
        "chips": [[one, f"×{times}"] for one, times in list(often.items())[:_MOST_CHIPS]],
        "label": f"{tiles.title}: {stored}",
    }


def _bar(bar: Bar) -> dict[str, Any]:
    same = bar.before == bar.after
    say = exact if bar.before < 1_000_000 else count
    return {
        "title": bar.title,
        "part": min(1.0, bar.after / bar.before) if bar.before else 0.0,
        "text": f"{say(bar.after)} {bar.counts}" if same else f"{say(bar.after)} of {say(bar.before)}",
        "exact": f"{exact(bar.after)} of {exact(bar.before)} {bar.counts}",
        "word": bar.word,
    }
