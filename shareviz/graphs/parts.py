"""The folded graph: boxes, frames, arrows and ties, as plain frozen data without colours or a format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a box: the sets it belongs to, words, and what it holds.

    `sets` is empty for tensors of its own; `times` is how often one pass uses them here, 0 where
    somewhere else on the picture says it.
    """

    label: str
    detail: str
    sets: tuple[str, ...] = ()
    times: int = 0

    @property
    def chip(self) -> str:
        """Return the id that is drawn: S2, S2 ×4, S4–S9, or ""."""
        if not self.sets:
            return ""
        return span(self.sets) + (f" ×{self.times}" if self.times > 1 else "")


@dataclass(frozen=True, slots=True)
class Box:
    """One or more modules drawn as one. `id` is made here, never from a name; `names` are full paths.

    `mark` opens the box in a `Look`, or closes it where `open`; `held` are the weights in it.
    """

    id: str
    title: str
    note: str
    rows: tuple[Row, ...]
    names: str
    cluster: str = ""
    mark: str = ""
    open: bool = False
    held: tuple[str, ...] = ()

    @property
    def sets(self) -> tuple[str, ...]:
        """Return the ids of the sets that the box shows, each once."""
        return tuple(dict.fromkeys(set_ for row in self.rows for set_ in row.sets))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around boxes; `parent` is the id of the frame around it, or "". `mark` closes what is open."""

    id: str
    title: str
    note: str
    parent: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """Data flows from one box to another, or one is defined after the other (`traced` is False).

    `leaves` and `enters` are clusters at whose border it begins and ends; `back`: it runs upwards.
    """

    source: str
    target: str
    leaves: str = ""
    enters: str = ""
    back: bool = False


@dataclass(frozen=True, slots=True)
class Loop:
    """The boxes of one stack, in the order in which they run, and how often: ×4, or 10 runs."""

    boxes: tuple[str, ...]
    label: str
    cluster: str


@dataclass(frozen=True, slots=True)
class Tie:
    """One or more sets that the same boxes show. Two boxes: a line; more: a hub with links."""

    sets: tuple[str, ...]
    boxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A model as a picture, before any layout. `traced`: the edges are data flow."""

    boxes: tuple[Box, ...]
    clusters: tuple[Cluster, ...]
    edges: tuple[Edge, ...]
    loops: tuple[Loop, ...]
    ties: tuple[Tie, ...]
    notes: tuple[str, ...]
    traced: bool
    opened: tuple[tuple[str, str], ...] = ()  # the marks of the look that open something, and its title
    flow: bool = True  # False: the arrows only hold the boxes in their places

    @property
    def sentence(self) -> str:
        """Return what the picture shows in words, for people who cannot see it."""
        said = [f"{box.title}{', ' + box.note if box.note else ''}" for box in self.boxes]
        frames = [f"{frame.title}: {frame.note}" for frame in self.clusters if frame.note]
        ties = [
            f"{span(tie.sets)} ties {', '.join(self._title(box) for box in tie.boxes)}" for tie in self.ties
        ]
        return ". ".join([f"Module graph: {'; '.join(said[:24])}", *frames[:8], *ties[:12]]) + "."

    def _title(self, box: str) -> str:
        return next(found.title for found in self.boxes if found.id == box)


def span(sets: tuple[str, ...]) -> str:
    """Return ids compactly.

    Example:
        >>> span(("S2",)), span(("S2", "S5")), span(("S4", "S5", "S6")), span(("S1", "S4", "S9"))
        ('S2', 'S2, S5', 'S4–S6', 'S1 … S9')
    """
    numbers = [int(one[1:]) for one in sets]
    if len(sets) <= 2:
        return ", ".join(sets)
    run = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return f"{sets[0]}–{sets[-1]}" if run else f"{sets[0]} … {sets[-1]}"
