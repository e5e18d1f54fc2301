"""The table of shared sets: it adds up to what the model stores."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from shareviz.mapview.words import reason, style, why
from shareviz.roles import Role, roles
from shareviz.sets import own_stored, shared_sets
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import count, exact


@dataclass(frozen=True, slots=True)
class SetRow:
    """One line of the table; counts in elements, and as people read them."""

    set: str
    what: str
    where: str
    users: str
    stored: int
    saved: int
    why: str
    reason: str
    style: str

    def data(self) -> dict[str, Any]:
        """Return the line as plain JSON, counts as text with the exact numbers beside."""
        texts = {"stored": count(self.stored), "saved": count(self.saved)}
        exacts = {"stored_exact": exact(self.stored), "saved_exact": exact(self.saved)}
        return asdict(self) | texts | exacts


def set_rows(snapshot: Snapshot) -> tuple[SetRow, ...]:
    """Return a line for each set, one for all own tensors, and the sum, which is the stored count."""
    sets = shared_sets(snapshot)
    lines = [
        SetRow(
            one.id,
            one.what,
            one.where,
            one.users,
            one.stored,
            one.saved,
            why(one),
            reason(snapshot, one),
            style(one),
        )
        for one in sets
    ]
    own = own_stored(snapshot, sets)
    if own:
        lines.append(
            SetRow("", "Own tensors", _own_roles(snapshot), "1 user each", own, 0, "no other user", "", "own")
        )
    counts = tally(snapshot)
    saved = sum(line.saved for line in lines)
    return (*lines, SetRow("", "Stored", "", "", counts.stored, saved, "", "", "sum"))


def _own_roles(snapshot: Snapshot) -> str:
    shared = {name for one in shared_sets(snapshot) for name in one.names}
    known = roles(snapshot)
    sizes: Counter[Role] = Counter()
    for slot in snapshot.parameters():
        if slot.name not in shared:
            sizes[known[slot.name]] += slot.numel
    kinds = sorted(sizes, key=lambda role: (role is Role.OTHER, -sizes[role]))
    return ", ".join(_PLURAL.get(role, role.value) for role in kinds)


_PLURAL = {Role.NORM: "norms", Role.ADAPTER: "adapters", Role.OTHER: "other weights"}
