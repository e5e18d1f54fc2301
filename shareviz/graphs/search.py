"""What a person looks for: a part of a name, or a pattern with * and ?."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate

from shareviz.graphs.parts import Graph
from shareviz.sharing import ancestors
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import plural

LONGEST = 200  # characters of a pattern that are read
MOST_STARS = 8  # each doubles what a hostile pattern could cost


@dataclass(frozen=True, slots=True)
class Found:
    """The weights that were hit, and how many modules and tensors have it in their names."""

    names: frozenset[str]
    modules: int
    tensors: int

    def boxes(self, graph: Graph) -> tuple[str, ...]:
        """Return the ids of the boxes that hold a hit."""
        return tuple(box.id for box in graph.boxes if not self.names.isdisjoint(box.held))

    @property
    def sentence(self) -> str:
        """Return what was found, in words."""
        if not self.names:
            return "Nothing has this in its name."
        parts = [plural(n, word) for n, word in ((self.modules, "module"), (self.tensors, "tensor")) if n]
        return f"Found {' and '.join(parts)}."


def search(snapshot: Snapshot, pattern: str) -> Found:
    """Return the weights whose own name, or that of a module around them, matches, in capitals or not.

    With `*`, `?` or `[` the whole name has to match the pattern, else any part of it.

    Example:
        >>> search(Snapshot(()), "head").sentence
        'Nothing has this in its name.'
    """
    hits = matcher(pattern)
    found: set[str] = set()
    modules: set[str] = set()
    tensors = 0
    paths: dict[str, frozenset[str]] = {}
    weights: list[Tensor | Derived] = [*snapshot.parameters(), *snapshot.derived]
    for slot in weights:
        if slot.name in snapshot.pieces:
            continue
        if slot.module not in paths:
            paths[slot.module] = frozenset(path for path in ancestors(slot.module) if path and hits(path))
        named = any(hits(one) for one in snapshot.names_of(slot))
        tensors += named
        if named or paths[slot.module]:
            found.add(slot.name)
            modules |= paths[slot.module]
    return Found(frozenset(found), len(modules), tensors)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a name matches; an empty pattern matches nothing."""
    wanted = pattern.strip()[:LONGEST].casefold()
    if not wanted:
        return lambda name: False
    if not re.search(r"[*?\[]", wanted) or wanted.count("*") > MOST_STARS:
        return lambda name: wanted in name.casefold()
    seen = re.compile(translate(re.sub(r"\*+", "*", wanted)))
    return lambda name: seen.match(name.casefold()) is not None
