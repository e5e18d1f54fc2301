"""The sharing map as an editor: brushes above it, and strokes that Python hears of when they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from shareviz.mapview import Picture, picture
from shareviz.sets import shared_sets
from shareviz.snapshot import Snapshot
from shareviz.ui import cache
from shareviz.ui.component import mounted, pick

_PAINT = mounted(__file__, on="svmap")
SCROLLED = 620  # px; a taller map scrolls inside
MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Hands:
    """What happens when a stroke has ended, and when somebody steps back or forth with the keyboard."""

    painted: Callable[[], None]
    stepped: Callable[[], None]


def draw_canvas(snapshot: Snapshot, hands: Hands, *, key: str, selected: str | None) -> None:
    """Draw the map of a model with every cell apart, ready to be painted."""
    shown = cache.of(picture, snapshot, True)
    rows = max((len(section.rows) for section in shown.sections), default=0)
    _PAINT(
        key=key,
        data={"map": shown.data(), "selected": selected or "", "edit": {"brushes": brushes(snapshot, shown)}},
        height=SCROLLED if rows > MOST_ROWS else "content",
        on_picked_change=partial(pick, key),
        on_painted_change=hands.painted,
        on_stepped_change=hands.stepped,
    )


def brushes(snapshot: Snapshot, shown: Picture) -> list[dict[str, Any]]:
    """Return a brush for each set of layers: its id, its stack, its layers by position, its words."""
    sets = {one.id: one for one in shared_sets(snapshot) if one.kind == "layers"}
    found: dict[str, dict[str, Any]] = {}
    for section in shown.sections:
        for cell in section.cells:
            if cell.set in sets and cell.at is not None and not cell.locked:
                words = f"{sets[cell.set].what}, {sets[cell.set].where}"
                brush: dict[str, Any] = {"id": cell.set, "stack": cell.at[0], "layers": [], "title": words}
                layers = found.setdefault(cell.set, brush)["layers"]
                if cell.at[1] not in layers:
                    layers.append(cell.at[1])
    for one in found.values():
        one["layers"].sort()
    return [found[id_] for id_ in sets if id_ in found]
