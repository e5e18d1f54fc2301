"""Why tensors count as shared, in the words of the page and as a style of fill."""

from __future__ import annotations

from shareviz.relations import Relation
from shareviz.sets import SharedSet
from shareviz.snapshot import Evidence, Snapshot
from shareviz.text import clean

SOLID, CUT, STRIPES, OUTLINE = "solid", "cut", "stripes", "outline"
EQUAL, PARTLY_EQUAL = "equal bytes, not shared", "equal bytes in part, not shared"
LEGEND = {
    SOLID: "Solid: same object.",
    CUT: "Cut corner: same storage.",
    STRIPES: "Stripes: stated by a file, or inferred from what it leaves out.",
    OUTLINE: "Outline: equal bytes in a storage of its own, so not shared.",
}
_VIEW = {
    Relation.SAME_VIEW: "the same elements",
    Relation.TRANSPOSED: "the same elements, transposed",
    Relation.RESHAPED: "the same elements, reshaped",
    Relation.REINTERPRETED: "the same bytes, read as another type",
    Relation.CONJUGATE: "the same elements, conjugated",
    Relation.PARTIAL: "some of the same elements",
    Relation.MAYBE: "perhaps some of the same elements",
}
_STATED = {
    "config": "the configuration ties them",
    "safetensors": "the header names them",
}


def style(shared: SharedSet) -> str:
    """Return how a set is filled."""
    if shared.evidence in (Evidence.STATED, Evidence.INFERRED):
        return STRIPES
    return SOLID if _one_object(shared) else CUT


def why(shared: SharedSet) -> str:
    """Return the evidence in two or three words."""
    if shared.evidence is Evidence.STATED:
        return "stated by the file"
    if shared.evidence is Evidence.INFERRED:
        return "inferred"
    return "same object" if _one_object(shared) else "same storage"


def reason(snapshot: Snapshot, shared: SharedSet) -> str:
    """Return one line that shows the evidence."""
    group = max(shared.groups, key=len)
    if shared.evidence is Evidence.STATED:
        return _STATED.get(snapshot.source.kind, "the file says so")
    if shared.evidence is Evidence.INFERRED:
        return "the file has no copy of its own for the rest"
    if len(group) < 2:
        return f"one module, {shared.users}" if shared.kind != "tie" else "one tensor"
    first, second = (python_path(clean(name, 120)) for name in group[:2])
    if _one_object(shared):
        return f"{second} is {first}" if shared.kind == "tie" else f"{first} is {second}"
    return _VIEW.get(shared.relation, "one storage")


def _one_object(shared: SharedSet) -> bool:
    return shared.relation is Relation.SAME_OBJECT and shared.evidence is Evidence.OBJECT


def python_path(name: str) -> str:
    """Return a dotted name as one writes it in Python: blocks[3].attention.q.weight."""
    parts = name.split(".")
    return parts[0] + "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in parts[1:])
