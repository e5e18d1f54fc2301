"""The module tree as text: what each part holds alone, what it shares, and its even part of the whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from shareviz.sharing import Share, attribution
from shareviz.snapshot import Module, Snapshot
from shareviz.text import clean, exact

HEADS = ("alone", "shared", "even part")
NAME_CHARS = 56


@dataclass(frozen=True, slots=True)
class Line:
    """One module of the tree, or several alike; `times` says how many, counts are of each."""

    indent: str
    name: str
    cls: str
    times: int
    alone: int
    shared: int
    even: Fraction


def text_tree(snapshot: Snapshot) -> str:
    """Return the tree with three counts on each line; alike neighbours are folded into one line.

    `alone`: elements read nowhere else; `shared`: read from outside too; `even part`: each element
    divided evenly among its readers, so the top line's is the stored count. Rounded to a whole number.
    """
    lines = tree(snapshot)
    named = [(_named(line), line) for line in lines]
    wide = max((len(name) for name, _ in named), default=0)
    rows = [
        (name.ljust(wide), exact(line.alone), exact(line.shared), exact(round(line.even)))
        for name, line in named
    ]
    widths = [max(len(head), *(len(row[n + 1]) for row in rows)) for n, head in enumerate(HEADS)]
    top = "  ".join([" " * wide, *(head.rjust(width) for head, width in zip(HEADS, widths, strict=True))])
    body = (
        "  ".join([row[0], *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))])
        for row in rows
    )
    return "\n".join(line.rstrip() for line in (top, *body))


def tree(snapshot: Snapshot) -> tuple[Line, ...]:
    """Return the lines of the tree, from the root down; none for a source without modules."""
    shares = {share.path: share for share in attribution(snapshot)}
    below: dict[str, list[Module]] = defaultdict(list)
    for module in snapshot.modules:
        if module.path:
            below[_parent(module.path, shares)].append(module)
    root = snapshot.by_path.get("")
    if root is None:
        return ()
    return tuple(_lines(root, below, shares, ("", "")))


def _parent(path: str, known: Mapping[str, Share]) -> str:
    """Return the nearest module above a path."""
    while path:
        path = path.rpartition(".")[0]
        if path in known:
            return path
    return ""


def _lines(
    module: Module,
    below: Mapping[str, Sequence[Module]],
    shares: Mapping[str, Share],
    indents: tuple[str, str],
    run: Sequence[Module] = (),
) -> Iterator[Line]:
    """Yield a module's line and those below; `run` holds the alike modules that it stands for."""
    share = shares[module.path]
    yield Line(
        indents[0],
        _name(module, run),
        module.cls,
        max(1, len(run)),
        share.exclusive,
        share.shared,
        share.amortised,
    )
    runs = _runs(below.get(module.path, ()), below, shares)
    for place, members in enumerate(runs):
        last = place == len(runs) - 1
        lead = (indents[1] + ("└─ " if last else "├─ "), indents[1] + ("   " if last else "│  "))
        yield from _lines(members[0], below, shares, lead, members)


def _runs(
    modules: Sequence[Module], below: Mapping[str, Sequence[Module]], shares: Mapping[str, Share]
) -> list[list[Module]]:
    """Return numbered neighbours with equal trees and counts together."""
    runs: list[list[Module]] = []
    marks: list[object] = []
    for module in modules:
        mark = _mark(module, below, shares) if _last(module.path).isdecimal() else module.path
        if runs and mark == marks[-1]:
            runs[-1].append(module)
        else:
            runs.append([module])
            marks.append(mark)
    return runs


def _mark(module: Module, below: Mapping[str, Sequence[Module]], shares: Mapping[str, Share]) -> object:
    share = shares[module.path]
    inner = tuple((_last(one.path), _mark(one, below, shares)) for one in below.get(module.path, ()))
    return module.cls, share.exclusive, share.shared, share.amortised, inner


def _name(module: Module, run: Sequence[Module]) -> str:
    last = clean(_last(module.path), NAME_CHARS)
    return f"{last}–{_last(run[-1].path)}" if len(run) > 1 else last


def _named(line: Line) -> str:
    cls = clean(line.cls, NAME_CHARS)
    times = f" ×{line.times}, each" if line.times > 1 else ""
    return f"{line.indent}{line.name}{' ' if line.name else ''}{f'({cls})' if line.name else cls}{times}"


def _last(path: str) -> str:
    return path.rpartition(".")[2]
