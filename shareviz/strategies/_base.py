"""What a strategy is, and the turns that several strategies share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shareviz.errors import PlanError
from shareviz.options import Option, Value
from shareviz.plan import Plan
from shareviz.rewrites import resolve
from shareviz.snapshot import Snapshot

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to share: a function from a model to a plan.

    `plan` raises PlanError with a sentence where the strategy cannot apply: that sentence is the
    reason the page gives. `label` is what the page calls it with its options, "Cycle 3". `forms`
    says that it makes weights of pieces, so it is folded after all ties.
    """

    name: str
    title: str
    summary: str
    options: tuple[Option, ...]
    plan: Callable[[Snapshot, Values], Plan]
    label: Callable[[Values], str]
    source: str
    forms: bool = False


def applies(strategy: Strategy, snapshot: Snapshot, values: Values) -> str:
    """Return why a strategy cannot apply to a model, or "" where it can."""
    try:
        resolve(strategy.plan(snapshot, values).rewrites, snapshot)  # all checks, and nothing is built
    except PlanError as error:
        return str(error)
    return ""


def whole(values: Values, name: str) -> int:
    """Return the value of an option that holds a whole number."""
    value = values[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} holds {value!r}, not a whole number")
    return value


def stored(default: int = 3) -> Option:
    """Return the turn for the number of stored rows."""
    return Option("stored", "Stored blocks", default, 1, 64, help="How many blocks are stored.")


PARTS = Option(
    "parts",
    "What is shared",
    "both",
    choices=("both", "attention", "feed-forward"),
    help="Which part of each layer is shared; the other keeps its own weights.",
)

NORMS = Option(
    "norms",
    "Norms",
    "own",
    choices=("own", "shared"),
    help="Whether each layer keeps its own norms or shares them with the part they stand beside.",
)
