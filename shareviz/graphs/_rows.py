"""The lines of a box: what its tensors do, which set they are of, how much they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from shareviz.graphs._facts import PLURAL, Facts, short
from shareviz.graphs._stack import mark
from shareviz.graphs.parts import Row
from shareviz.roles import Role
from shareviz.text import count, listed, shape

MOST_TENSORS = 40  # lines of a layer that was opened
MOST = 5  # lines of a box of single tensors; more are told by what they do, then by their sets alone

NAMED = 3  # names that one line lists

_ORDER = {PLURAL.get(role, role.value): place for place, role in enumerate(Role)}
_LAST = len(_ORDER)


@dataclass(slots=True)
class _Line:
    """What one row gathers: the weights and their stored tensors, by layer position."""

    names: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)  # stored tensors of the first layer
    weights: list[str] = field(default_factory=list)  # weights of the first layer
    layers: set[int] = field(default_factory=set)
    lowest: int | None = None  # of the layers


def block_rows(
    facts: Facts, at: tuple[int, Sequence[int]], *, runs: int = 0, elided: bool = False
) -> tuple[Row, ...]:
    """Return the rows of a group of layers, sums of one layer each.

    Args:
        at: The number of the stack, and the layer positions.
        runs: What a loop beside the box says already, so that no row repeats it; 0 without a loop.
        elided: The layers share differently, so sets are told together.
    """
    place, positions = at
    stack = facts.stacks[place]
    lines: dict[tuple[str, object], _Line] = defaultdict(_Line)
    for position in positions:
        for column, name in zip(stack.columns, stack.cells[position], strict=True):
            for piece in facts.pieces(name) if name is not None else ():
                set_id = facts.sets.get(piece)
                key: object = set_id is None if elided else mark(facts, set_id, (place, position))
                word = _tied(facts, (place, position), piece) or facts.word(name or "", column)
                _add(lines[word, key], position, (name or "", piece))
    order = sorted(lines.items(), key=lambda item: _ORDER.get(item[0][0], _LAST))
    rows = tuple(_row(facts, word, line, runs) for (word, _), line in order)
    if runs or len(positions) == 1 or any(row.sets for row in rows):
        return rows
    # the note of such a box says "×12, own" for all of it
    return tuple(replace(row, detail=f"{row.detail.partition(',')[0]} each") for row in rows)


def layer_rows(facts: Facts, place: int, position: int) -> tuple[Row, ...]:
    """Return a row for each tensor of one layer; of very many, the first, and how many there are more."""
    stack = facts.stacks[place]
    held = zip(stack.columns, stack.cells[position], strict=True)
    return _each(facts, [(column, name) for column, name in held if name is not None])


def _each(facts: Facts, held: Sequence[tuple[str, str]]) -> tuple[Row, ...]:
    """Return a row for each stored tensor of weights, which are given with what they are called here."""
    rows = []
    for label, name in held:
        for piece in facts.pieces(name):
            sets = (facts.sets[piece],) if piece in facts.sets else ()
            whole = piece == name
            size = facts.named[name].shape if whole else facts.snapshot.by_name[piece].shape
            rows.append(
                Row(short(label if whole else f"{label} {piece.rpartition('.')[2]}"), shape(size), sets)
            )
    if len(rows) <= MOST_TENSORS:
        return tuple(rows)
    return (*rows[:MOST_TENSORS], Row(f"{len(rows) - MOST_TENSORS} more", ""))


def module_rows(facts: Facts, path: str, names: Sequence[str], *, calls: int = 1) -> tuple[Row, ...]:
    """Return the rows of a box that stands for one module, or for all below a path.

    Args:
        calls: What the box's note says already, so that no row repeats it.
    """

    def inside(name: str) -> str:
        return name[len(path) + 1 :] if path else name

    exact, lines = _told(facts, path, names)
    rows = []
    for line in lines:
        said = (inside(name) if exact else facts.word(name, inside(name)) for name in line.names)
        words = dict.fromkeys(said)
        row = _row(facts, short(listed(tuple(words), NAMED), 30), line, calls if calls > 1 else 0)
        rows.append(_shaped(facts, row, line) if exact else row)
    return tuple(rows[: 2 * MOST])


def tells_all(facts: Facts, path: str, names: Sequence[str]) -> bool:
    """Whether the rows of a module's box name each of its tensors."""
    exact, lines = _told(facts, path, names)
    return len(names) < 2 or (exact and all(len(line.names) <= NAMED for line in lines))


def _told(facts: Facts, path: str, names: Sequence[str]) -> tuple[bool, list[_Line]]:
    """Return what each row of a module's box gathers, and whether it is told by names and shapes."""

    def inside(name: str) -> str:
        return name[len(path) + 1 :] if path else name

    ways: tuple[Callable[[str], object], ...] = (
        lambda name: facts.named[name].shape,
        lambda name: facts.word(name, inside(name)),
        lambda name: "",
    )
    for way in ways:
        lines: dict[tuple[object, ...], _Line] = defaultdict(_Line)
        for name in names:
            for piece in facts.pieces(name):
                _add(lines[facts.sets.get(piece), way(name)], 0, (name, piece))
        if len(lines) <= MOST and not (way is ways[0] and any("." in inside(name) for name in names)):
            break
    return way is ways[0], list(lines.values())


def tensor_rows(facts: Facts, path: str, names: Sequence[str]) -> tuple[Row, ...]:
    """Return a row for each tensor of a module; of very many, the first, and how many there are more."""
    cut = len(path) + 1 if path else 0
    return _each(facts, [(name[cut:], name) for name in names])


def _add(line: _Line, position: int, part: tuple[str, str]) -> None:
    name, piece = part
    line.names.append(name)
    line.pieces.append(piece)
    line.layers.add(position)
    line.lowest = position if line.lowest is None else min(line.lowest, position)
    if position == line.lowest:
        line.first.append(piece)
        line.weights.append(name)


def _row(facts: Facts, label: str, line: _Line, runs: int) -> Row:
    sets = tuple(dict.fromkeys(facts.sets[piece] for piece in line.pieces if piece in facts.sets))
    held = count(facts.stored(line.first))
    weights = dict.fromkeys(line.weights)
    if any(name in facts.snapshot.derived_by_name for name in weights):
        held += f" for {count(sum(facts.named[name].numel for name in weights))}"
    if not sets:
        return Row(label, held + (f", own ×{len(line.layers)}" if len(line.layers) > 1 else ""))
    times = _times(facts, line)
    each = " each" if len(sets) > 1 else ""
    return Row(label, held + each, sets, 0 if times == runs else times)


def _times(facts: Facts, line: _Line) -> int:
    """Return how often one pass uses the row's first tensor."""
    tensor = facts.tensors[line.pieces[0]]
    pairs = zip(line.names, line.pieces, strict=True)
    return facts.times(name for name, piece in pairs if facts.tensors[piece] == tensor)


def _shaped(facts: Facts, row: Row, line: _Line) -> Row:
    if any(name in facts.snapshot.derived_by_name for name in line.names):
        return row
    return Row(row.label, shape(facts.named[line.names[0]].shape), row.sets, row.times)


def _tied(facts: Facts, at: tuple[int, int], piece: str) -> str:
    """Return k = v where one layer uses a tensor in several of its columns, else ""."""
    here = facts.columns(piece, at)
    return short(" = ".join(_parents(facts.stacks[at[0]].columns, here)), 30) if len(here) > 1 else ""


def _parents(columns: Iterable[str], here: set[str]) -> tuple[str, ...]:
    """Return the modules that hold the columns, by their last name, in the order of the stack."""
    found = (column.rpartition(".")[0].rpartition(".")[2] or column for column in columns if column in here)
    return tuple(dict.fromkeys(found))
