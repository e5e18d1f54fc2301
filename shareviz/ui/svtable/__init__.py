"""The table of shared sets: the text twin of the map, a real table."""

from __future__ import annotations

from functools import partial

from shareviz.mapview import set_rows
from shareviz.mapview.search import found_sets
from shareviz.snapshot import Snapshot
from shareviz.ui import cache
from shareviz.ui.component import mounted, pick

_TABLE = mounted(__file__)


def draw_sets(
    snapshot: Snapshot, *, key: str, selected: str | None = None, found: frozenset[str] | None = None
) -> str | None:
    """Draw the table and return the set that was just clicked: its id, "" to put it out, or None.

    Args:
        found: The weights that a search found; None: nobody searches.
    """
    hits = None if found is None else list(found_sets(snapshot, found))
    rows = [row.data() for row in cache.of(set_rows, snapshot)]
    data = {"rows": rows, "selected": selected or "", "found": hits}
    result = _TABLE(key=key, data=data, on_picked_change=partial(pick, key))
    return None if result.picked is None else str(result.picked)
