"""A table of layers while it is typed: cells as text, the shapes so far, and the first row that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shareviz.errors import OptionError
from shareviz.kinds import Shape, kinds
from shareviz.layertable import (
    INPUT_TITLES,
    INPUTS,
    MOST_ROWS,
    Flow,
    Row,
    RowError,
    flow,
    input_text,
    parse_input,
    parse_rows,
    row_of,
    rows_text,
)
from shareviz.options import Option
from shareviz.rowshares import partners

_CELL = 40  # characters that a cell may have
_BAD = OptionError("The browser sent no table of layers.", hint="Open the dialog again.")


@dataclass(frozen=True, slots=True)
class Typed:
    """One row as typed: a kind, its sizes, its repeats, and the row that it shares with (0: none)."""

    kind: str
    sizes: tuple[str, ...] = ()
    repeats: str = "1"
    shares: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What comes in, as typed, and the rows."""

    given: Typed
    rows: tuple[Typed, ...]

    @classmethod
    def of(cls, text: tuple[str, str], shares: Mapping[int, int] | None = None) -> Draft:
        """Return the draft of an input and of rows that are written as text.

        Raises:
            RowError: No such table.
        """
        given, rows = parse_input(text[0]), parse_rows(text[1])
        typed = [
            Typed(row.kind, _sizes(row), str(row.repeats), (shares or {}).get(n, 0))
            for n, row in enumerate(rows, 1)
        ]
        return cls(Typed(given.what, tuple(map(str, given.sizes))), tuple(typed))

    @classmethod
    def sent(cls, value: object) -> Draft:
        """Return the draft that a browser sent.

        Raises:
            OptionError: It is no draft.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("rows"), list):
            raise _BAD
        if len(value["rows"]) > MOST_ROWS:
            raise OptionError("The table is too long.", hint=f"Keep it to {MOST_ROWS} rows.")
        return cls(_typed(value.get("given")), tuple(map(_typed, value["rows"])))

    def data(self) -> dict[str, Any]:
        """Return the draft as `sent` reads it."""
        return {"given": _cells(self.given), "rows": [_cells(row) for row in self.rows]}

    @property
    def shares(self) -> dict[int, int]:
        """The rows that share, as `shareviz.rowshares` takes them."""
        return {number: row.shares for number, row in enumerate(self.rows, 1) if row.shares}

    def check(self) -> Checked:
        """Return what can be said of the draft so far."""
        given: Shape | None = None
        rows: list[Row] = []
        try:
            given = parse_input("-".join([self.given.kind, *self.given.sizes]))
            for number, row in enumerate(self.rows, 1):
                rows.append(row_of(number, row.kind, row.sizes, row.repeats))
            made = flow(given, rows)
        except RowError as error:
            before = error.before or _so_far(given, rows)
            return Checked(None, (*filter(None, [given]), *before), _offers(rows), error)
        return Checked(made, (given, *made.shapes), _offers(rows))


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft that was looked at: its table, or the first error.

    `shapes` holds the input's and those that leave the rows before the error; `offers` the rows that
    each row may share with.
    """

    table: Flow | None
    shapes: tuple[Shape, ...]
    offers: tuple[tuple[int, ...], ...]
    error: RowError | None = None

    @property
    def text(self) -> tuple[str, str]:
        """The table as text: what comes in, and the rows.

        Raises:
            RowError: There is an error.
        """
        if self.table is None:
            raise self.error or RowError("There is no table.", row=0, hint="Add a row.")
        return input_text(self.table.given), rows_text(self.table.rows)


def choices() -> dict[str, Any]:
    """Return the kinds of layer and of input, as a page offers them."""
    listed = [
        {
            "name": kind.name,
            "title": kind.title,
            "summary": kind.summary,
            "sizes": [_option(option) for option in kind.sizes],
        }
        for kind in kinds().values()
    ]
    inputs = [
        {"name": name, "title": INPUT_TITLES[name], "summary": "", "sizes": [_option(one) for one in sizes]}
        for name, sizes in INPUTS.items()
    ]
    return {"kinds": listed, "inputs": inputs, "most": MOST_ROWS}


def _sizes(row: Row) -> tuple[str, ...]:
    """Return sizes as cells; 0, which leaves the number to the model, is an empty cell."""
    return tuple("" if value is not True and value == 0 else str(value) for _, value in row.sizes)


def _option(option: Option) -> dict[str, Any]:
    free = option.low == 0
    return {
        "name": option.name,
        "title": option.title,
        "choices": list(option.choices),
        "start": "" if free else str(option.default),
        "empty": "all" if free else str(option.default),
        "help": option.help,
    }


def _so_far(given: Shape | None, rows: Sequence[Row]) -> tuple[Shape, ...]:
    """Return the shapes that leave the rows that could be read, as far as they fit."""
    if given is None or not rows:
        return ()
    try:
        return flow(given, rows).shapes
    except RowError as error:
        return error.before


def _offers(rows: Sequence[Row]) -> tuple[tuple[int, ...], ...]:
    return tuple(partners(rows, number) for number in range(1, len(rows) + 1))


def _cells(row: Typed) -> dict[str, Any]:
    return {"kind": row.kind, "sizes": list(row.sizes), "repeats": row.repeats, "shares": row.shares}


def _typed(value: object) -> Typed:
    if not isinstance(value, Mapping):
        raise _BAD
    sizes, shares = value.get("sizes", []), value.get("shares", 0)
    cells = [value.get("kind"), value.get("repeats", "1")]
    if not isinstance(sizes, list) or len(sizes) > 8 or not isinstance(shares, int):
        raise _BAD
    if not all(isinstance(cell, str) for cell in (*cells, *sizes)):
        raise _BAD
    kind, repeats, *rest = (cell.strip()[:_CELL] for cell in (*cells, *sizes))
    return Typed(kind, tuple(rest), repeats, shares)
