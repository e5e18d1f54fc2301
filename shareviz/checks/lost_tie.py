"""Equal values in separate storage: a tie that was lost when the model was copied, loaded or saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from shareviz.checks._base import Check, Finding, Level, expression, tie_line
from shareviz.copies import Copy, Likeness
from shareviz.roles import Role, role
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, listed, plural

_HOW = {
    Likeness.EQUAL: "equal bytes",
    Likeness.TRANSPOSED: "equal bytes, one transposed",
    Likeness.ROUNDED: "equal after a cast",
}


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return nothing: names, shapes and storages do not say what the values are."""
    return ()


def findings_of_copies(copies: Iterable[Copy]) -> tuple[Finding, ...]:
    """Return a note for each lost tie; groups of the same names inside several modules become one.

    Constants are in no finding, nearly equal weights only as a hint that may not be tied.
    """
    groups: dict[tuple[object, ...], list[Copy]] = defaultdict(list)
    for copy in copies:
        if copy.likeness is not Likeness.CONSTANT:
            groups[_kin(copy)].append(copy)
    found = [_finding(group) for group in groups.values()]
    return tuple(sorted(found, key=lambda finding: (list(Level).index(finding.level), -(finding.saves or 0))))


CHECK = Check(
    name="lost_tie",
    title="Lost ties",
    run=run,
    source="shareviz.copies: samples, hashes, then every byte; transformers #42612, Automodel #2511, "
    "lingua #74",
    of_copies=findings_of_copies,
)


def _kin(copy: Copy) -> tuple[object, ...]:
    """Return what copies have in common that were lost together: weight and bias of the same modules."""
    modules = tuple(names[0].rpartition(".")[0] for names in copy.members)
    return copy.likeness, copy.buffers, modules


def _finding(group: list[Copy]) -> Finding:
    first = group[0]
    if first.likeness is Likeness.NEAR:
        return _near(group)
    if first.buffers:
        return _buffers(group)
    saved = sum(copy.saved for copy in group)
    parts = len(first.members)
    names = [names[0] for names in first.members]
    more = f" and {plural(len(group) - 1, 'more tensor')} of the same modules" if len(group) > 1 else ""
    return Finding(
        Level.NOTE,
        f"{plural(parts, 'copy', 'copies')} of {clean(_owner(first)[0], 60)}, not shared",
        f"{listed(names)}{more} hold the same values in {plural(parts, 'storage')}. They are not shared and "
        "not counted as saved: training moves them apart. Either a tie was lost when the model was copied, "
        f"loaded or saved, or they only start equal. One storage saves {count(saved)}.",
        names=tuple(name for copy in group for name in copy.names),
        evidence=f"{clean(names[0], 80)} and {clean(names[1], 80)}: {_HOW[first.likeness]}, "
        "different storage.",
        fix=_repair(group),
        saves=saved,
        check=CHECK.name,
    )


def _repair(group: list[Copy]) -> str:
    if group[0].likeness is Likeness.TRANSPOSED:
        kept, other = (names[0] for names in group[0].members[:2])
        host, _, last = expression(other).rpartition(".")
        return (
            "# one Parameter cannot have both shapes: keep one, and turn it at each call\n"
            f"del {host}.{last}\n# in forward: F.linear(x, {expression(kept)}.t())"
        )
    lines: list[str] = []
    for copy in group:
        owner = _owner(copy)
        lines += [tie_line(name, owner[0]) for part in copy.members if part is not owner for name in part]
    return "\n".join((*lines, "# make the optimizer after this, and load with assign=False"))


def _owner(copy: Copy) -> tuple[str, ...]:
    """Return the names to keep: of a table and a head the table's, as libraries do; else the first."""
    return next((names for names in copy.members if role(names[0]) is not Role.HEAD), copy.members[0])


def _buffers(group: list[Copy]) -> Finding:
    names = [names[0] for copy in group for names in copy.members]
    return Finding(
        Level.OK,
        f"{plural(len(names), 'buffer')} with equal values",
        f"{listed(names)} are computed alike, as rotary tables and masks are. Buffers are in no count, "
        "and there is nothing to tie.",
        names=tuple(name for copy in group for name in copy.names),
        evidence="Equal bytes, different storage; not parameters, or not all of them.",
        check=CHECK.name,
    )


def _near(group: list[Copy]) -> Finding:
    names = [names[0] for names in group[0].members]
    return Finding(
        Level.OK,
        f"{listed(names)} are nearly equal",
        f"{listed(names)} point almost the same way, and are not equal: they may have been one weight once, "
        "or one was trained from the other. A hint, and no tie: tying them would change the model.",
        names=tuple(name for copy in group for name in copy.names),
        evidence="Cosine above 0.95 of some elements around their mean; independent weights stay below 0.2.",
        check=CHECK.name,
    )
