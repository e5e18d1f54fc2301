"""The sharing map on the page: an HTML grid that lights up with the graph and the table."""

from __future__ import annotations

from functools import partial

from shareviz.mapview import picture
from shareviz.mapview.search import found_places
from shareviz.snapshot import Snapshot
from shareviz.ui import cache
from shareviz.ui.component import mounted, pick

_MAP = mounted(__file__)


def draw_map(
    snapshot: Snapshot,
    *,
    key: str,
    selected: str | None = None,
    alike: tuple[tuple[str, str], ...] = (),
    found: frozenset[str] | None = None,
) -> str | None:
    """Draw the map and return the set that was just clicked: its id, "" to put it out, or None.

    A click also keeps the set lit on every page.

    Args:
        alike: Names of copies, each with a twin: outlined.
        found: The weights that a search found; None: nobody searches.
    """
    shown = cache.of(picture, snapshot, False, alike) if alike else cache.of(picture, snapshot)
    hits = None if found is None else list(found_places(shown, found))
    data = {"map": shown.data(), "selected": selected or "", "found": hits}
    result = _MAP(key=key, data=data, height="content", on_picked_change=partial(pick, key))
    return None if result.picked is None else str(result.picked)
