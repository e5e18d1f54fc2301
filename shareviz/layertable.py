"""A model as a table of layers: one short line of text, checked shape by shape, without torch.

`embedding-100-64~block-4-x6~head-100` is three rows: a kind, its sizes in order, and how often it runs,
each time with weights of its own. What is left out at the end of a row keeps its default.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shareviz.errors import OptionError
from shareviz.kinds import Kind, Misfit, Shape, kinds
from shareviz.options import Option, Value
from shareviz.text import clean, plural

LONGEST = 4096  # characters of a table
MOST_ROWS, MOST_REPEATS = 64, 96
MOST_LAYERS = 256
MOST_NUMBERS = 2**31  # that flow between two layers, for one example
MOST_TURNS = 512  # of all recurrent layers together: a trace follows each

_BETWEEN_ROWS = re.compile(r"[~;\n]+")
_BETWEEN_SIZES = re.compile(r"[-\s,]+")
_TIMES = re.compile(r"x(\d{1,4})$")


def _size(name: str, title: str, default: int, high: int, help: str) -> Option:
    return Option(name, title, default, 1, high, help=help)


_LENGTH = _size("length", "Length", 8, 8192, "How many come in, one after the other.")
_WIDE = _size("numbers", "Numbers", 64, 65_536, "How many numbers come in at once.")
INPUTS: Mapping[str, tuple[Option, ...]] = {
    "tokens": (_LENGTH,),
    "numbers": (_WIDE,),
    "sequence": (_LENGTH, _size("numbers", "Numbers", 1, 65_536, "How many numbers each place has.")),
    "image": (
        _size("channels", "Channels", 1, 512, "How many numbers each pixel has."),
        _size("height", "Height", 28, 1024, "How many pixels it is high."),
        _size("width", "Width", 28, 1024, "How many pixels it is wide."),
    ),
}
INPUT_TITLES = {"tokens": "Tokens", "numbers": "Numbers", "sequence": "Sequence of numbers", "image": "Image"}


class RowError(OptionError):
    """A row that cannot be. `row` counts from 1, 0 is the input; `before` are the shapes up to it."""

    def __init__(self, message: str, *, row: int, hint: str, before: tuple[Shape, ...] = ()) -> None:
        super().__init__(message, code="row", hint=hint)
        self.row, self.before = row, before


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of layer with all its sizes; `repeats` layers of it run one after the other."""

    kind: str
    sizes: tuple[tuple[str, Value], ...]
    repeats: int = 1

    @property
    def values(self) -> Mapping[str, Value]:
        """Sizes by name."""
        return dict(self.sizes)

    @property
    def text(self) -> str:
        """The text that is read back; sizes at their default are left out at the end.

        Example:
            >>> parse_rows("linear 64 none x3; head")[0].text
            'linear-x3'
        """
        sizes = [str(value) for _, value in self.sizes]
        defaults = [str(option.default) for option in kinds()[self.kind].sizes]
        while sizes and sizes[-1] == defaults[len(sizes) - 1]:
            sizes.pop()
        times = [f"x{self.repeats}"] if self.repeats > 1 else []
        return "-".join([self.kind, *sizes, *times])


@dataclass(frozen=True, slots=True)
class Flow:
    """A table that fits: what comes in, the rows, and the shape that leaves each row."""

    given: Shape
    rows: tuple[Row, ...]
    shapes: tuple[Shape, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The name that each row has in the module."""
        return row_names(self.rows)


def parse_input(text: str) -> Shape:
    """Return the shape of what comes in.

    Example:
        >>> str(parse_input("image-3-32-32")), str(parse_input("tokens"))
        ('3 channels of 32×32', '8 tokens')

    Raises:
        RowError: No kind of input, or a size out of range.
    """
    name, *given = _words(text) or [""]
    if name not in INPUTS:
        raise RowError(
            f"The input cannot be {clean(name, 40)!r}.", row=0, hint=f"Choose one of {', '.join(INPUTS)}."
        )
    sizes = _settled("The input", 0, INPUTS[name], given)
    return Shape(tuple(int(value) for _, value in sizes), name == "tokens")


def input_text(shape: Shape) -> str:
    """Return the text that `parse_input` reads back."""
    return "-".join([shape.what, *map(str, shape.sizes)])


def parse_rows(text: str) -> tuple[Row, ...]:
    """Return the rows that a text says; whether their shapes fit, `flow` says.

    Raises:
        RowError: An unknown kind, a size that it cannot have, or too much of anything.
    """
    if len(text) > LONGEST:
        raise RowError(
            f"The table has {len(text):,} characters.", row=0, hint=f"Keep it under {LONGEST:,} characters."
        )
    said = [part for part in _BETWEEN_ROWS.split(text) if _words(part)]
    if not 0 < len(said) <= MOST_ROWS:
        raise RowError(
            f"The table has {plural(len(said), 'row') if said else 'no rows'}.",
            row=0,
            hint=f"Write 1 to {MOST_ROWS} rows, such as linear-64-relu~head-10.",
        )
    return tuple(_parsed(number, _words(part)) for number, part in enumerate(said, 1))


def rows_text(rows: Sequence[Row]) -> str:
    """Return the text that `parse_rows` reads back, the same for every spelling of a table."""
    return "~".join(row.text for row in rows)


def row_of(number: int, name: str, sizes: Sequence[object], repeats: object = 1) -> Row:
    """Return a row with each of its sizes checked; those that are missing or "" get their default.

    Raises:
        RowError: As `parse_rows`.
    """
    kind = kinds().get(name)
    if kind is None:
        raise RowError(
            f"Row {number}: there is no kind of layer {clean(name, 40)!r}.",
            row=number,
            hint=f"The kinds are: {', '.join(kinds())}.",
        )
    where = f"Row {number}, {name}"
    if len(sizes) > len(kind.sizes):
        known = ", ".join(option.name for option in kind.sizes) or "none"
        raise RowError(
            f"{where}: it has {plural(len(sizes), 'size')} here.", row=number, hint=f"Its sizes are: {known}."
        )
    times = _checked(where, number, _REPEATS, repeats)
    return Row(name, _settled(where, number, kind.sizes, sizes), int(times))


def flow(given: Shape, rows: Sequence[Row]) -> Flow:
    """Return the table with the shape that leaves each row.

    Raises:
        RowError: The first row that cannot take what comes in, or a table that is too large.
    """
    _bounded(rows)
    shapes = [given]
    for number, row in enumerate(rows, 1):
        shapes.append(_through(number, row, shapes))
    turns = sum(
        row.repeats * shape.sizes[0]
        for row, shape in zip(rows, shapes, strict=False)
        if kinds()[row.kind].over_time
    )
    if turns > MOST_TURNS:
        raise RowError(
            f"The recurrent layers run {turns:,} times for one example.",
            row=0,
            hint=f"Keep it to {MOST_TURNS:,}: fewer places, or fewer layers.",
            before=tuple(shapes[1:]),
        )
    return Flow(given, tuple(rows), tuple(shapes[1:]))


def row_names(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the name of each row in the module: plural for a list, numbered where there are several.

    Example:
        >>> row_names(parse_rows("conv2d; conv2d; linear; block x6; head"))
        ('conv1', 'conv2', 'dense', 'blocks', 'head')
    """
    bases = [kinds()[row.kind].attribute + ("s" if row.repeats > 1 else "") for row in rows]
    often, seen, names = Counter(bases), Counter[str](), []
    for base in bases:
        seen[base] += 1
        names.append(f"{base}{seen[base]}" if often[base] > 1 else base)
    return tuple(names)


_REPEATS = Option("repeats", "Repeats", 1, 1, MOST_REPEATS, help="How many run one after the other.")


def _words(text: str) -> list[str]:
    return [word for word in _BETWEEN_SIZES.split(text.strip()) if word]


def _parsed(number: int, words: list[str]) -> Row:
    times = _TIMES.match(words[-1]) if len(words) > 1 else None
    return row_of(number, words[0], words[1 : -1 if times else None], times[1] if times else 1)


def _settled(
    where: str, row: int, options: Sequence[Option], given: Sequence[object]
) -> tuple[tuple[str, Value], ...]:
    if len(given) > len(options):
        raise RowError(f"{where} has {plural(len(given), 'size')}.", row=row, hint="Leave some out.")
    padded = [*given, *[""] * (len(options) - len(given))]
    return tuple(
        (option.name, _checked(where, row, option, value))
        for option, value in zip(options, padded, strict=True)
    )


def _checked(where: str, row: int, option: Option, value: object) -> Value:
    try:
        return option.default if value in ("", None) else option.check(value)
    except OptionError as error:
        raise RowError(f"{where}: {error.message}", row=row, hint=error.hint) from error


def _bounded(rows: Sequence[Row]) -> None:
    layers = sum(row.repeats for row in rows)
    if not rows or len(rows) > MOST_ROWS or layers > MOST_LAYERS:
        raise RowError(
            f"The table has {plural(len(rows), 'row')} with {plural(layers, 'layer')} in all.",
            row=0,
            hint=f"Write 1 to {MOST_ROWS} rows and at most {MOST_LAYERS} layers.",
        )


def _through(number: int, row: Row, shapes: Sequence[Shape]) -> Shape:
    """Return what leaves a row, after all its repeats."""
    shape, kind = shapes[-1], kinds()[row.kind]
    giver = f"row {number - 1}" if number > 1 else "the input"
    before = tuple(shapes[1:])
    try:
        out = kind.gives(shape, row.values)
    except Misfit as error:
        raise RowError(
            f"Row {number}, {row.kind}: {error.why}; {giver} gives {shape}.",
            row=number,
            hint=error.way.format(giver=giver),
            before=before,
        ) from error
    if row.repeats > 1 and out != shape:
        raise RowError(
            f"Row {number}, {row.kind}: {row.repeats} cannot run one after the other, because each "
            f"takes {shape} and gives {out}.",
            row=number,
            hint=_way_to_repeat(kind, shape, out),
            before=before,
        )
    if out.numel > MOST_NUMBERS or min(out.sizes) < 1:
        raise RowError(
            f"Row {number}, {row.kind}: it would give {out}.",
            row=number,
            hint="Choose smaller sizes here, or pool before it."
            if out.numel
            else "Let more places come in, or take a smaller stride.",
            before=before,
        )
    return out


def _way_to_repeat(kind: Kind, shape: Shape, out: Shape) -> str:
    named = {option.name: option.title.lower() for option in kind.sizes}
    if "size" in named and out.wide != shape.wide and shape.what == out.what:
        return f"Set {named['size']} to {shape.wide}, or repeats to 1."
    return "Set repeats to 1."
