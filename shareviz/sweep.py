"""What a strategy stores at each value of one of its numbers, and which ways no other way beats.

Every point is a plan carried out and counted; there is no formula here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shareviz.capacity import Capacity
from shareviz.collector import collector_paused
from shareviz.errors import OptionError, PlanError
from shareviz.layers import stacks
from shareviz.options import Option, Value, parse, settle
from shareviz.planned import planned
from shareviz.snapshot import Snapshot
from shareviz.strategies import Strategy, applies, stack_kind, strategies
from shareviz.text import clean
from shareviz.turns import choices

MOST = 16  # points of one curve; more values are thinned

Number = int | float
Turned = tuple[str, tuple[tuple[str, Value], ...]]  # a strategy and the values of its options


@dataclass(frozen=True, slots=True)
class Swept:
    """One strategy at one value. `estimate` is None where the published fit says nothing."""

    value: Number
    label: str
    stored: int
    used: int | None
    estimate: Capacity | None

    def data(self) -> dict[str, Any]:
        """Return the point as plain JSON."""
        found = self.estimate
        return {
            "value": self.value,
            "label": self.label,
            "stored": self.stored,
            "used": self.used,
            "acts_like": None if found is None else round(found.acts_like),
            "extrapolated": None if found is None else not found.inside,
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """One strategy over one of its numbers, in the order of the values; `options` are all at their start."""

    strategy: str
    title: str
    option: str
    turn: str
    options: tuple[tuple[str, Value], ...]
    points: tuple[Swept, ...]

    def data(self) -> dict[str, Any]:
        """Return the curve as plain JSON."""
        return {
            "strategy": self.strategy,
            "title": self.title,
            "option": self.option,
            "options": {name: value for name, value in self.options if name != self.option},
            "points": [point.data() for point in self.points],
        }


def numbers(strategy: Strategy) -> tuple[Option, ...]:
    """Return the options of a strategy that hold a number to turn."""
    return tuple(
        option
        for option in strategy.options
        if not option.choices and not isinstance(option.default, bool | str)
    )


@collector_paused()
def sweep(snapshot: Snapshot, strategy: Strategy, option: Option, values: Mapping[str, Value]) -> Curve:
    """Return what a strategy stores at each value that the model leaves room for.

    Args:
        snapshot: What the strategy is applied to.
        values: The value of every option; all but the swept one stay.
    """
    layered = any(stack_kind(stack) == "layers" for stack in stacks(snapshot))
    tried = thinned(choices(strategy, option, values, snapshot), values[option.name])
    found: list[Swept] = []
    for value in tried:
        turned = {**values, option.name: value}
        try:
            counts = planned(snapshot, strategy.plan(snapshot, turned))
        except PlanError:  # a value that other options leave no room for has no place on the curve
            continue
        estimate = counts.estimate if layered else None
        found.append(Swept(value, strategy.label(turned), counts.stored, counts.used, estimate))
    return Curve(
        strategy.name, strategy.title, option.name, option.title, tuple(values.items()), tuple(found)
    )


def thinned(values: Sequence[Value], present: Value) -> list[Number]:
    """Return at most `MOST` of the values, evenly, with both ends and the present one."""
    every = [value for value in values if isinstance(value, int | float)]
    if len(every) <= MOST:
        return every
    last = len(every) - 1
    kept = {every[place * last // (MOST - 2)] for place in range(MOST - 1)}
    return sorted(kept | {value for value in every if value == present})


def sweeps(snapshot: Snapshot, turned: tuple[Turned, ...] = (), option: str = "") -> tuple[Curve, ...]:
    """Return a curve for every number of every strategy that has more than one value on a model.

    Args:
        turned: Where a strategy's other options stand; those not named are at their defaults.
        option: The name of the one number to turn; "" for all.
    """
    given = {name: dict(values) for name, values in turned}
    made = (
        curve
        for strategy in strategies().values()
        for curve in _curves(
            snapshot, strategy, settle(strategy.options, given.get(strategy.name, {})), option
        )
    )
    return tuple(curve for curve in made if len(curve.points) > 1)


def turnable(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the numbers that some strategy can turn on a model, by name, and what the page calls them.

    Strategies have their own words for a number of one name; the most common one is used.
    """
    titles: dict[str, Counter[str]] = {}
    for strategy in strategies().values():
        if not applies(strategy, snapshot, _smallest(strategy, snapshot)):
            for option in numbers(strategy):
                titles.setdefault(option.name, Counter())[option.title] += 1
    return {name: found.most_common(1)[0][0] for name, found in titles.items()}


def _smallest(strategy: Strategy, snapshot: Snapshot) -> Mapping[str, Value]:
    """Return the default of every option, each number at the first value that the model offers."""
    values = settle(strategy.options, {})
    offered = {turn.name: choices(strategy, turn, values, snapshot) for turn in numbers(strategy)}
    return {**values, **{name: found[0] for name, found in offered.items() if found}}


def _curves(
    snapshot: Snapshot, strategy: Strategy, values: Mapping[str, Value], option: str = ""
) -> Iterable[Curve]:
    wanted = (turn for turn in numbers(strategy) if option in ("", turn.name))
    return (sweep(snapshot, strategy, turn, values) for turn in wanted)


def sweeps_of(text: str, snapshot: Snapshot) -> tuple[Curve, ...]:
    """Return the curves of one strategy, written as in a design: `cycle`, `sandwich?middle=3`.

    Raises:
        OptionError: No such strategy, or it has no number to turn.
        PlanError: It cannot be applied to the model at any value.
    """
    name, given = parse(text)
    strategy = strategies().get(name)
    turnable = [one.name for one in strategies().values() if numbers(one)]
    if strategy is None or not numbers(strategy):
        said = "has no number to turn" if strategy else "is no strategy"
        raise OptionError(f"{clean(name, 40)!r} {said}.", hint=f"Choose one of {', '.join(turnable)}.")
    values = settle(strategy.options, given)
    found = tuple(curve for curve in _curves(snapshot, strategy, values) if curve.points)
    if not found:
        raise PlanError(
            applies(strategy, snapshot, values) or "It applies at no value.", hint="Choose another."
        )
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where one way stands: stored and estimated elements, and whether the fit covers it."""

    stored: int
    acts_like: float
    inside: bool


def dominated(places: Sequence[Place]) -> tuple[bool, ...]:
    """Return, for each way, whether another stores no more, acts like no less, and is better in one.

    A way outside the fit beats none: its estimate is a guess.

    Example:
        >>> dominated([Place(4, 4, True), Place(2, 3, True), Place(3, 3, True), Place(1, 9, False)])
        (False, False, True, False)
    """
    return tuple(any(one.inside and _beats(one, place) for one in places) for place in places)


def _beats(one: Place, other: Place) -> bool:
    if one.stored > other.stored or one.acts_like < other.acts_like:
        return False
    return one.stored < other.stored or one.acts_like > other.acts_like
