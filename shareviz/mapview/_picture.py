"""The values that a sharing map is made of; `Picture.data()` is the same as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """One block of the map: `span` rows from `row`, in one column.

    `set` is the id of its set, or "" where the layers have their own. `text` is what stands in it,
    `style` says why it counts (solid, cut, stripes), or that it is a copy (outline). `bridge` draws "="
    to the column on its right, which reads the very same tensor. `label` is read aloud; `note` adds names and
    sizes. In a picture to paint on, `at` is its place (stack, layer position, columns), and `locked` says
    why it cannot be painted. `names` are the weights that stand in each
    of its rows, raw.
    """

    row: int
    span: int
    column: int
    set: str
    text: str
    style: str
    label: str
    note: str
    bridge: bool = False
    at: tuple[int, int, tuple[int, ...]] | None = None
    locked: str = ""
    names: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One kind of tensor: a short label and its full name inside a block."""

    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring columns of one role; `stored` is said below them, `again` below that."""

    title: str
    columns: tuple[Column, ...]
    stored: str
    again: str


@dataclass(frozen=True, slots=True)
class Row:
    """One pass through a layer, or one module; `title` is its full path."""

    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """One stack, or the modules of a model without one. `pitch` is the height of a row in pixels."""

    title: str
    header: str
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]
    pitch: float

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, from left to right."""
        return tuple(column for group in self.groups for column in group.columns)


@dataclass(frozen=True, slots=True)
class Bar:
    """A table or module outside the stacks, as one bar above or below them."""

    label: str
    set: str
    text: str
    style: str
    title: str
    note: str
    names: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole map. `ties` names the sets that join a bar above with a bar below."""

    above: tuple[Bar, ...]
    sections: tuple[Section, ...]
    below: tuple[Bar, ...]
    ties: tuple[str, ...]
    styles: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """Return the map as dicts, lists and strings, without the names: there may be many."""
        data = asdict(self)
        for part in (*data["above"], *data["below"], *(c for one in data["sections"] for c in one["cells"])):
            del part["names"]
        return data

    @property
    def places(self) -> tuple[Bar | Cell, ...]:
        """All bars and cells in the order in which they are drawn, from the top down."""
        cells = (cell for section in self.sections for cell in section.cells)
        return (*self.above, *cells, *self.below)
