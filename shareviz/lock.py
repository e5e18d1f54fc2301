"""A sharing lock: what is shared, as a small JSON file that a later check holds the model to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shareviz.checks import Finding, Level
from shareviz.checks._base import own_line, tie_line
from shareviz.errors import SharevizError
from shareviz.sets import shared_sets
from shareviz.sharing import distinct, tally, uses
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, exact, listed, plural

VERSION = 1
LONGEST = 64 * 2**20  # characters of a lock that are read

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """What a model must keep: its ties (groups of names), how often single tensors run, what it stores.

    The names of a tie are in definition order: the first is the one that the others are tied to.
    `runs` pairs a name with its uses in one forward pass, for tensors used more than once under one name.
    """

    ties: tuple[Names, ...]
    runs: tuple[tuple[str, str], ...]
    stored: int


def make_lock(snapshot: Snapshot) -> str:
    """Return the lock of a model as JSON: one line for each tied group, so that a diff can be read."""
    lock = _lock_of(snapshot)
    ties = ",\n    ".join(json.dumps(names, ensure_ascii=False) for names in lock.ties)
    runs = ",\n    ".join(json.dumps(pair, ensure_ascii=False) for pair in lock.runs)
    return (
        "{\n"
        f'  "shareviz_lock": {VERSION},\n'
        f'  "stored": {lock.stored},\n'
        f'  "ties": [{_block(ties)}],\n'
        f'  "runs": [{_block(runs)}]\n'
        "}\n"
    )


def check_lock(snapshot: Snapshot, text: str) -> tuple[Finding, ...]:
    """Return a problem for each tie that is lost, new or run another number of times; one OK if none is.

    A name that the model no longer has breaks its tie. A stored count that differs while all ties hold
    is a note: the model grew or shrank, its sharing did not change. Runs are compared only where the
    model was traced.

    Raises:
        SharevizError: The text is no lock (code `lock`).
    """
    wanted, now = read_lock(text), _lock_of(snapshot)
    found = [*_lost(snapshot, wanted, now), *_new(snapshot, wanted, now)]
    if snapshot.steps is not None:
        found += _other_runs(wanted, now)
    if found:
        return tuple(found)
    kept = plural(len(wanted.ties) + len(wanted.runs), "shared tensor")
    said = Finding(
        Level.OK,
        "The sharing is as locked",
        f"{kept} {'is' if kept.startswith('1 ') else 'are'} shared by the same names as in the lock.",
        evidence=f"Stores {exact(now.stored)} parameters.",
        check="lock",
    )
    if wanted.stored == now.stored:
        return (said,)
    note = Finding(
        Level.NOTE,
        f"Stores {count(now.stored)}, not {count(wanted.stored)}",
        "The sharing is as locked, but the model has another size. Write the lock anew if that is meant.",
        evidence=f"{exact(wanted.stored)} in the lock, {exact(now.stored)} now.",
        check="lock",
    )
    return (note, said)


def read_lock(text: str) -> Lock:
    """Return the lock that `make_lock` wrote.

    Raises:
        SharevizError: No JSON, another version, or a field of another type (code `lock`).
    """
    if len(text) > LONGEST:
        raise _refused("The lock is too long")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused("The lock is no JSON") from error
    if not isinstance(found, dict) or found.get("shareviz_lock") != VERSION:
        raise _refused(f"This is no sharing lock of version {VERSION}")
    ties, runs, stored = (found.get(key) for key in ("ties", "runs", "stored"))
    if not _all(ties, _is_group) or not _all(runs, _is_run) or type(stored) is not int:
        raise _refused("The lock has a field of the wrong type")
    assert isinstance(ties, list) and isinstance(runs, list)
    return Lock(tuple(tuple(group) for group in ties), tuple((name, times) for name, times in runs), stored)


def _lock_of(snapshot: Snapshot) -> Lock:
    groups: dict[Names, None] = {}
    runs: dict[str, str] = {}
    often = uses(snapshot) or {}
    for shared in shared_sets(snapshot):
        for group in shared.groups:
            names = tuple(name for slot in group for name in snapshot.names_of(snapshot.by_name[slot]))
            if len(names) > 1:
                groups[names] = None
            else:
                runs[group[0]] = str(often.get(group[0], 1))
    return Lock(tuple(groups), tuple(runs.items()), tally(snapshot).stored)


def _lost(snapshot: Snapshot, wanted: Lock, now: Lock) -> Iterator[Finding]:
    home = {name: number for number, names in enumerate(now.ties) for name in names}
    have = {name for slot in snapshot.tensors for name in snapshot.names_of(slot)}
    have |= {name for weight in snapshot.derived for name in snapshot.names_of(weight)}
    for names in wanted.ties:
        first, *rest = names
        gone = [name for name in names if name not in have]
        parted = [name for name in rest if name in have and home.get(name, -1) != home.get(first, -2)]
        if gone:
            yield _finding(f"{clean(gone[0], 60)} is gone", f"The lock ties {listed(names)}.", tuple(gone))
        elif parted:
            yield _finding(
                f"{clean(parted[0], 60)} is no longer tied to {clean(first, 60)}",
                f"The lock ties {listed(names)}; {listed(parted)} {_has(parted)} elements of "
                f"{'its' if len(parted) == 1 else 'their'} own.",
                (first, *parted),
                "\n".join(tie_line(name, first) for name in parted[:12]),
                saves=distinct(snapshot.by_name[name] for name in parted if name in snapshot.by_name),
            )


def _new(snapshot: Snapshot, wanted: Lock, now: Lock) -> Iterator[Finding]:
    locked = {name: number for number, names in enumerate(wanted.ties) for name in names}
    for names in now.ties:
        first, *rest = names
        joined = [name for name in rest if locked.get(name, -1) != locked.get(first, -2)]
        if joined:
            single = [name for name in joined if name in snapshot.by_name]
            yield _finding(
                f"{clean(joined[0], 60)} is tied to {clean(first, 60)}",
                f"The lock does not know this tie of {listed(names)}.",
                (first, *joined),
                "import torch\n\n" + "\n".join(map(own_line, single[:12])) if single else "",
            )


def _other_runs(wanted: Lock, now: Lock) -> Iterator[Finding]:
    old, new = dict(wanted.runs), dict(now.runs)
    groups: dict[tuple[str, str], list[str]] = {}
    for name in dict.fromkeys((*new, *old)):
        if old.get(name, "1") != new.get(name, "1"):
            groups.setdefault((old.get(name, "1"), new.get(name, "1")), []).append(name)
    for (before, after), names in groups.items():
        title = f"{clean(names[0], 60)} runs {clean(after, 20)} times, not {clean(before, 20)}"
        yield _finding(title, f"{listed(names)} in one forward pass.", tuple(names))


def _finding(
    title: str, what: str, names: tuple[str, ...], fix: str = "", saves: int | None = None
) -> Finding:
    evidence = "The lock file holds the names that must share."
    return Finding(Level.PROBLEM, title, what, names, evidence, fix, saves or None, check="lock")


def _has(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _refused(message: str) -> SharevizError:
    return SharevizError(
        f"{message}.", code="lock", hint="Write it with `shareviz check SOURCE --write-lock FILE`."
    )


def _all(found: Any, fits: Any) -> bool:
    return isinstance(found, list) and all(fits(item) for item in found)


def _is_group(found: Any) -> bool:
    return isinstance(found, list) and len(found) > 1 and _texts(found)


def _is_run(found: Any) -> bool:
    return isinstance(found, list) and len(found) == 2 and _texts(found)


def _texts(found: Iterable[Any]) -> bool:
    return all(isinstance(item, str) for item in found)


def _block(lines: str) -> str:
    return f"\n    {lines}\n  " if lines else ""
