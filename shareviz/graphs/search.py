"""Which boxes of a graph hold what a person looks for: a part of a name, or a pattern with * and ?."""

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
    """The ids of the boxes that hold a hit, and how many modules and tensors were hit."""

    boxes: tuple[str, ...]
    modules: int
    tensors: int

    @property
    def sentence(self) -> str:
        """Return what was found, in words."""
        if not self.boxes:
            return "Nothing has this in its name."
        parts = [plural(n, word) for n, word in ((self.modules, "module"), (self.tensors, "tensor")) if n]
        return f"{' and '.join(parts)} in {plural(len(self.boxes), 'box', 'boxes')}."


def search(snapshot: Snapshot, graph: Graph, pattern: str) -> Found:
    """Return the boxes that hold a tensor or a module whose name matches, in capitals or not.

    With `*`, `?` or `[` the whole name has to match the pattern, else any part of it.

    Example:
        >>> from shareviz.graphs import fold
        >>> search(Snapshot(()), fold(Snapshot(())), "head").sentence
        'Nothing has this in its name.'
    """
    hits = matcher(pattern)
    boxes: dict[str, None] = {}
    modules: set[str] = set()
    tensors: set[str] = set()
    paths: dict[str, frozenset[str]] = {}
    known: dict[str, Tensor | Derived] = {slot.name: slot for slot in snapshot.tensors}
    known |= snapshot.derived_by_name
    for box in graph.boxes:
        for name in box.held:
            owner = known[name].module
            if owner not in paths:
                paths[owner] = frozenset(path for path in ancestors(owner) if path and hits(path))
            named = any(hits(one) for one in snapshot.names_of(known[name]))
            if named:
                tensors.add(name)
            if named or paths[owner]:
                boxes[box.id] = None
                modules |= paths[owner]
    return Found(tuple(boxes), len(modules), len(tensors))


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a name matches; an empty pattern matches nothing."""
    wanted = pattern.strip()[:LONGEST].casefold()
    if not wanted:
        return lambda name: False
    if not re.search(r"[*?\[]", wanted) or wanted.count("*") > MOST_STARS:
        return lambda name: wanted in name.casefold()
    seen = re.compile(translate(re.sub(r"\*+", "*", wanted)))
    return lambda name: seen.match(name.casefold()) is not None
