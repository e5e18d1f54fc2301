"""What a pointer or a key painted: cells of the sharing map, a brush, and which cells cannot be painted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from shareviz.errors import OptionError
from shareviz.layers import Stack, passes
from shareviz.snapshot import Snapshot
from shareviz.text import plural

T = TypeVar("T")
MOST_CELLS = 20_000  # of one stroke


class Across(StrEnum):
    """How far one stroke reaches inside a layer."""

    BLOCK = "Block"
    PART = "Attention or FFN"
    TENSOR = "Tensor"


class Cell(NamedTuple):
    """One cell of the map: a stack, a layer position, and the stack's columns that stand in it."""

    stack: int
    position: int
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Brush:
    """What is painted: each its own, one new row for the whole stroke, or what another layer reads.

    `like` is that layer, with columns where one tensor was picked and not the layer's whole set.
    """

    kind: str  # own | new | like
    like: Cell | None = None


@dataclass(frozen=True, slots=True)
class Stroke:
    """The cells of one stroke, in the order in which they were met."""

    cells: tuple[Cell, ...]
    brush: Brush


def stroke_of(value: object) -> Stroke:
    """Return the stroke that a browser sent.

    Raises:
        OptionError: It is none: the page is of another version, or somebody made it by hand.
    """
    try:
        if not isinstance(value, Mapping):
            raise TypeError("no mapping")
        sent, brush = value["cells"], value["brush"]
        if not isinstance(sent, list) or not 0 < len(sent) <= MOST_CELLS:
            raise ValueError("no cells, or too many")
        kind, like = str(brush["kind"]), brush.get("like")
        if kind not in ("own", "new", "like") or (kind == "like" and like is None):
            raise ValueError("no brush")
        return Stroke(tuple(map(_cell, sent)), Brush(kind, None if like is None else _cell(like)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OptionError("That stroke cannot be read.", hint="Reload the page and paint again.") from error


def _cell(value: Sequence[object]) -> Cell:
    stack, position, columns = value
    numbers = [stack, position, *columns]  # type: ignore[misc]
    if len(numbers) > MOST_CELLS or any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError("no cell")
    return Cell(numbers[0], numbers[1], tuple(numbers[2:]))


def locks(snapshot: Snapshot, stack: Stack) -> Mapping[tuple[int, int], str]:
    """Return why cells cannot be painted, by (position, column); the others can."""
    found: dict[tuple[int, int], str] = {}
    runs = len(passes(snapshot, stack))
    for column, names in enumerate(zip(*stack.cells, strict=True)):
        places: dict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(names):
            if name is not None:
                places[name].append(position)
        for name, positions in places.items():
            why = _lock(snapshot, name, (len(stack.layers), len(positions), runs))
            found |= {(position, column): why for position in positions if why}
    # a bias does not go another way than its weight
    modules = {(position, _module(stack.columns[column])): why for (position, column), why in found.items()}
    return {
        (position, column): modules[position, _module(name)]
        for position in {position for position, _ in modules}
        for column, name in enumerate(stack.columns)
        if (position, _module(name)) in modules
    }


def _module(column: str) -> str:
    return column.rpartition(".")[0]


def _lock(snapshot: Snapshot, name: str, numbers: tuple[int, int, int]) -> str:
    layers, times, runs = numbers
    if layers == 1:
        return f"This is one module that runs {plural(runs, 'time')}. A plan cannot give its runs rows apart."
    if times > 1:
        return f"These {plural(times, 'layer')} are one module object. A plan cannot give them rows apart."
    weight = snapshot.derived_by_name.get(name)
    if weight is not None:
        return "This tensor is made of pieces by a strategy. Choose another strategy to paint it."
    if snapshot.by_name[name].region is None:
        return "This tensor has no shape yet."
    return ""


def at(held: Sequence[T], number: int) -> T:
    """Return what stands at a place that a browser named."""
    if not 0 <= number < len(held):
        raise OptionError("The map has no such cell.", hint="Reload the page and paint again.")
    return held[number]
