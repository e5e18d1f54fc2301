"""Where on the map and in the table the weights stand that a search found."""

from __future__ import annotations

from collections.abc import Set

from shareviz.mapview._picture import Picture
from shareviz.sets import set_of, shared_sets
from shareviz.snapshot import Snapshot


def found_places(shown: Picture, names: Set[str]) -> tuple[tuple[int, int], ...]:
    """Return where one of the weights stands: the number of a bar or cell by `Picture.places`, and a row.

    A cell of a set is one thing over all its rows, so its row is -1; of layers with their own, each is.
    """
    found = []
    for number, one in enumerate(shown.places):
        rows = [row for row, held in enumerate(one.names) if not names.isdisjoint(held)]
        whole = bool(one.set) or len(one.names) == 1
        found += [(number, -1)] if rows and whole else [(number, row) for row in rows]
    return tuple(found)


def found_sets(snapshot: Snapshot, names: Set[str]) -> tuple[str, ...]:
    """Return the ids of the sets of the weights; "" is among them where one is in no set."""
    known = set_of(shared_sets(snapshot))
    forms = snapshot.derived_by_name
    pieces = [piece for name in names for piece in (forms[name].reads if name in forms else (name,))]
    return tuple(sorted({known.get(piece, "") for piece in pieces}))
