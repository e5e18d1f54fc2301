"""Is the sharing what was meant? One file for each check; each says what, how we know, and the repair."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from shareviz.checks._base import Check, Finding, Level
from shareviz.copies import Copy
from shareviz.plugins import collect
from shareviz.sets import shared_sets
from shareviz.snapshot import Evidence, Snapshot
from shareviz.text import clean, plural

__all__ = [
    "Check",
    "Finding",
    "Level",
    "check",
    "check_copies",
    "checks",
    "problems",
    "title_of",
    "worst_first",
]


@cache
def checks() -> Mapping[str, Check]:
    """Return the checks by module name."""
    return collect(sys.modules[__name__], "CHECK", Check)


def check(snapshot: Snapshot, chosen: Iterable[Check] | None = None) -> tuple[Finding, ...]:
    """Return what the checks find, worst first.

    An error inside one check becomes the finding "Not run: …" of that check, and the others go on.

    Args:
        chosen: The checks to run; None: all of them.
    """
    found = [
        finding
        for one in (checks().values() if chosen is None else chosen)
        for finding in _found(one, snapshot)
    ]
    return worst_first(found)


def check_copies(copies: Iterable[Copy]) -> tuple[Finding, ...]:
    """Return the findings of the checks that look at values, worst first; see `shareviz.copies`."""
    found = tuple(copies)
    asked = [one.of_copies(found) for one in checks().values() if one.of_copies is not None]
    return worst_first(finding for findings in asked for finding in findings)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings by level; those of one level keep their order."""
    return tuple(sorted(findings, key=lambda finding: list(Level).index(finding.level)))


def problems(findings: Iterable[Finding]) -> int:
    """Return how many findings are problems."""
    return sum(finding.level is Level.PROBLEM for finding in findings)


def title_of(findings: Iterable[Finding], snapshot: Snapshot | None = None) -> str:
    """Return the answer in a few words: "1 problem, 2 notes", or what is in order.

    With the snapshot the title counts its shared sets; without it says that nothing was found.
    """
    found = tuple(findings)
    levels = Counter(finding.level for finding in found)
    bad, notes = levels[Level.PROBLEM], levels[Level.NOTE]
    if bad or notes:
        parts = [plural(bad, "problem")] * bool(bad) + [plural(notes, "note")] * bool(notes)
        return ", ".join(parts)
    if snapshot is None:
        return "No problem found"
    sets = len(shared_sets(snapshot))
    if not sets:
        return "Nothing is shared, and nothing is wrong"
    live = any(one.evidence is Evidence.OBJECT for one in shared_sets(snapshot))
    how = "the code says" if live else "the file says"
    if any(finding.check == "declared" for finding in found):
        how = "declared"
    return f"The one shared set is as {how}" if sets == 1 else f"All {sets} shared sets are as {how}"


def _found(one: Check, snapshot: Snapshot) -> tuple[Finding, ...]:
    try:
        return tuple(replace(finding, check=one.name) for finding in one.run(snapshot))
    except Exception as error:  # noqa: BLE001  one broken check must not take the others down: it is said
        reason = clean(" ".join(str(error).split()), 160) or "no reason given"
        return (
            Finding(
                Level.NOTE,
                f"Not run: {one.title}",
                f"This check stopped with {type(error).__name__}: {reason}. The others ran.",
                evidence="An error inside the check; it says nothing about the model.",
                check=one.name,
            ),
        )
