"""Taking ties apart: every name reads memory of its own. What savings are measured against."""

from __future__ import annotations

from shareviz.errors import PlanError
from shareviz.plan import Plan, own
from shareviz.sharing import reads, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.strategies._base import Strategy, Values


def _apart(snapshot: Snapshot, values: Values) -> Plan:
    taken = reads(snapshot)
    rewrites = []
    for group in tied_groups(snapshot):
        # a name that nothing reads (T5's `shared`) is no use: it stays with the first that is read
        names = [name for name in group.names if taken is None or taken[name] or name in snapshot.pieces]
        rewrites += [own(name) for name in names[1:] if name not in snapshot.pieces]
    if not rewrites:
        raise PlanError("Nothing is tied, so there is nothing to take apart.", hint="Choose a way to share.")
    return Plan(tuple(rewrites), "Nothing shared")


STRATEGIES = (
    Strategy(
        "apart",
        "Nothing shared",
        "Every tie is undone. A module that runs again and again stays one module.",
        (),
        _apart,
        lambda values: "Nothing shared",
        "the definition of a tie: two names, one storage",
    ),
)
