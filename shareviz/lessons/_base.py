"""What a lesson is: a question, one turn, two models to set side by side, and a claim with its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import log2
from pathlib import Path

from shareviz.design import Design
from shareviz.forms import Rows
from shareviz.jsonio import from_json
from shareviz.layers import sharing_map, stacks
from shareviz.models import snapshot_of
from shareviz.options import Option, Value
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import smaller

MOST_TILES = 1024
EXAMPLES = Path(__file__).parent.parent / "examples"


class Verdict(StrEnum):
    """How a usual claim fares."""

    HOLDS = "holds"
    CONDITION = "holds with a condition"
    DEPENDS = "depends"
    WRONG = "wrong as stated"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that people say, and what is true about it."""

    text: str
    verdict: Verdict
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Tiles:
    """The places that use one kind of tensor, each with the number of the stored tensor it uses.

    Numbers count from 0 by first use. `columns` places stand in a row; `labels` name them where they are
    few. `title` says what the tiles are.
    """

    title: str
    uses: tuple[int, ...]
    columns: int
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.uses or self.columns < 1 or len(self.uses) > MOST_TILES:
            raise ValueError(f"{self.title}: {len(self.uses)} tiles in {self.columns} columns")
        if self.labels and len(self.labels) != len(self.uses):
            raise ValueError(f"{self.title}: {len(self.labels)} labels for {len(self.uses)} tiles")

    @property
    def stored(self) -> int:
        """Number of stored tensors."""
        return len(set(self.uses))

    @property
    def ids(self) -> tuple[str, ...]:
        """The set of each place, S1, S2, … by first use; "" where the place has a tensor of its own."""
        often = Counter(self.uses)
        first: dict[int, str] = {}
        for use in self.uses:
            if often[use] > 1:
                first.setdefault(use, f"S{len(first) + 1}")
        return tuple(first.get(use, "") for use in self.uses)


@dataclass(frozen=True, slots=True)
class Bar:
    """One quantity without and with sharing; `counts` says of what: parameters, FLOPs."""

    title: str
    before: int
    after: int
    counts: str = "parameters"

    @property
    def word(self) -> str:
        """÷11.6, or same."""
        return smaller(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Shown:
    """A lesson at one value of its turn.

    `title` is the computed answer, `model` and `design` open the same thing in the map.
    """

    title: str
    model: str
    design: str
    before: Tiles
    after: Tiles
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A question to answer before looking. `answer(value)` computes which of `choices` is right."""

    question: str
    choices: tuple[str, ...]
    answer: Callable[[Value], str]
    why: Callable[[Value], str]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One way to use a tensor twice.

    `show` computes everything from Snapshots; `mini` is the small picture of the card, which needs no
    model. `breaks` are sentences; `saved` names a saved run of `shareviz.training.saved` that belongs
    here, and `pair` the version and the reference that its sentence is about: () is the task's first.
    """

    name: str
    title: str
    question: str
    option: Option
    show: Callable[[Value], Shown]
    mini: Tiles
    predict: Prediction
    claims: tuple[Claim, ...]
    breaks: tuple[str, ...]
    sources: tuple[str, ...]
    saved: str = ""
    saved_says: str = ""
    pair: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of the first claim, which the card shows."""
        return self.claims[0].verdict


def scene(model: str, design: str) -> tuple[Snapshot, Snapshot]:
    """Return a catalogue model as it is, and under a design."""
    before = snapshot_of(model)
    return before, Design.parse(design).plan(before).apply(before)


def example(name: str) -> Snapshot:
    """Return a saved example of the package."""
    return from_json((EXAMPLES / f"{name}.shareviz.json").read_bytes())


def stored(snapshot: Snapshot) -> int:
    """Return the stored parameters."""
    return tally(snapshot).stored


def flops(snapshot: Snapshot) -> int:
    """Return the matrix work of the traced forward pass; making derived weights does not count."""
    return sum(step.flops for step in snapshot.steps or () if not step.makes)


def usual_bars(before: Snapshot, after: Snapshot) -> tuple[Bar, ...]:
    """Return what shrinks, and the work that does not."""
    return (
        Bar("Stored", stored(before), stored(after)),
        Bar("Work of one pass", flops(before), flops(after), "FLOPs"),
    )


def whole(value: Value) -> int:
    """Return the value of a turn that holds a whole number."""
    if not isinstance(value, int):
        raise TypeError(f"the turn holds {value!r}, not a whole number")
    return value


GROWTH = ("It stays the same", "It doubles", "It grows fourfold")


def growth(before: int, after: int) -> str:
    """Return the word of `GROWTH` that is nearest to how a count grew.

    Example:
        >>> growth(80, 80), growth(80, 160), growth(80, 312)
        ('It stays the same', 'It doubles', 'It grows fourfold')
    """
    return min(GROWTH, key=lambda word: abs(log2(after / before) - GROWTH.index(word)))


def layer_uses(snapshot: Snapshot, column: str) -> tuple[int, ...]:
    """Return the number of the stored tensor that each layer of a column uses, by first use.

    Raises:
        ValueError: No stack has the column.
    """
    for stack in stacks(snapshot):
        if column in stack.columns:
            return dense(row for row in sharing_map(snapshot, stack).row(column) if row is not None)
    raise ValueError(f"no stack has the column {column}")


def block_uses(snapshot: Snapshot, name: str, blocks: int) -> tuple[int, ...]:
    """Return the number of the stored block that each of a weight's blocks uses: its own, or its rows'."""
    weight = snapshot.derived_by_name.get(name)
    if weight is None or not isinstance(weight.form, Rows):
        return tuple(range(blocks))
    return weight.form.table


def dense(rows: Iterable[int]) -> tuple[int, ...]:
    """Return numbers from 0 by first use.

    Example:
        >>> dense([4, 7, 4])
        (0, 1, 0)
    """
    first: dict[int, int] = {}
    return tuple(first.setdefault(row, len(first)) for row in rows)
