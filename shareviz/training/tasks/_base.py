"""What a task is: a problem small enough to watch, with its own solver, chance level and recipe."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shareviz.design import Design
from shareviz.errors import PlanError
from shareviz.layers import stacks, table_plan
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot

Array = NDArray[Any]
IGNORED = -100  # a target that is not asked for
OVER = ("space", "time", "tables", "depth", "tasks", "towers", "hashing")  # the order of the page
LOSSES = ("classes", "numbers", "binary")


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs and targets, example first. Targets may hold `IGNORED`."""

    inputs: Array
    targets: Array


@dataclass(frozen=True, slots=True)
class Metric:
    """How answers are judged.

    `measure(outputs, targets)` takes what a model or `Task.solve` gives. `chance` is what the best
    constant answer gets, `best` what `Task.solve` gets; a run from `solved` on counts as converged.
    A `share` lies from 0 to 1 and is shown in points of a hundred, any other number as it is.
    """

    name: str
    title: str
    measure: Callable[[Array, Array], float]
    chance: float
    best: float
    solved: float
    higher_is_better: bool = True
    share: bool = True

    def reached(self, value: float) -> bool:
        """Whether a value is as good as `solved`, or better."""
        return value >= self.solved if self.higher_is_better else value <= self.solved


@dataclass(frozen=True, slots=True)
class Version:
    """One arm that a task offers: a plan for its model, or for another catalogue model (`model`).

    `plan` is made from the unshared model's Snapshot. Without a title the plan's own is shown.
    """

    title: str
    plan: Callable[[Snapshot], Plan]
    model: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class EvalSet:
    """Examples that are not trained on: `draw("validation")` and `draw("test")` have nothing in common."""

    title: str
    draw: Callable[[str], Batch]


@dataclass(frozen=True, slots=True)
class Column:
    """One fair comparison: versions against a reference that is equal in what the title says."""

    title: str
    reference: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters. `clip` bounds each gradient element; `rates` is the grid of "own best"."""

    steps: int
    batch: int
    lr: float
    clip: float | None = None
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True, slots=True)
class Task:
    """A problem with its model, versions and recipe; plain data, no torch.

    `draw(seed, step)` is a pure function on the CPU. `loss` is "classes" (logits last, whole
    targets), "binary" (one logit, targets 0 or 1) or "numbers" (squared error). `main` names the set
    that the verdict is about. `over` is what its versions share over, a word of `OVER`. `shows` and
    `hides` say what a run of it can and cannot show.
    """

    name: str
    title: str
    question: str
    over: str
    model: str
    versions: Mapping[str, Version]
    defaults: tuple[str, ...]
    columns: tuple[Column, ...]
    draw: Callable[[int, int], Batch]
    sets: Mapping[str, EvalSet]
    main: str
    metric: Metric
    solve: Callable[[Array], Array]
    recipe: Recipe
    shows: str
    hides: str
    source: str
    loss: str = "classes"

    def __post_init__(self) -> None:
        named = {*self.defaults, *(name for column in self.columns for name in column.versions)}
        named |= {column.reference for column in self.columns}
        if unknown := named - set(self.versions):
            raise ValueError(f"task {self.name}: no version {sorted(unknown)[0]!r}")
        if self.main not in self.sets or self.loss not in LOSSES or self.over not in OVER:
            raise ValueError(f"task {self.name}: main set, loss or what it shares over is unknown")
        object.__setattr__(self, "versions", MappingProxyType(dict(self.versions)))
        object.__setattr__(self, "sets", MappingProxyType(dict(self.sets)))


def generator(*key: int | str) -> np.random.Generator:
    """Return the generator of a key alone, such as a task's name, "train", a seed and a step."""
    return np.random.default_rng([zlib.crc32(p.encode()) if isinstance(p, str) else p for p in key])


def one_hot(answers: Array, classes: int) -> Array:
    """Return outputs that a model would give were it sure of these answers."""
    return np.eye(classes)[answers]


def accuracy(outputs: Array, targets: Array) -> float:
    """Return the share of asked targets that have the largest logit; the last axis holds classes."""
    asked = targets != IGNORED
    right = outputs.argmax(-1) == targets
    return float(right[asked].mean())


def perplexity(outputs: Array, targets: Array) -> float:
    """Return e to the mean surprise: as if that many words were equally likely at each place."""
    top = outputs.max(-1, keepdims=True)
    shares = outputs - top - np.log(np.exp(outputs - top).sum(-1, keepdims=True, dtype=np.float64))
    said = np.take_along_axis(shares, targets[..., None], axis=-1)
    return float(np.exp(-said.mean()))


def agreement(outputs: Array, targets: Array) -> float:
    """Return the share of targets, 0 or 1, on whose side of zero the logit is."""
    return float(((outputs > 0) == (targets > 0)).mean())


def unshared(snapshot: Snapshot) -> Plan:
    """Return the plan that changes nothing."""
    return Plan(title="None")


def under(design: str) -> Callable[[Snapshot], Plan]:
    """Return the plan factory of a design, such as "tied;factorised?rank=8"."""
    return lambda snapshot: Design.parse(design).plan(snapshot)


def share_layers(
    rows: Callable[[int], Sequence[int]], *, apart: str = "", title: str = ""
) -> Callable[[Snapshot], Plan]:
    """Return the plan factory that gives each layer of the largest stack its stored row.

    Args:
        rows: The row of every layer, for a number of layers.
        apart: Columns with this in their name keep a row for each layer.

    Raises:
        PlanError: (by the factory) The model has no repeated layers.
    """

    def plan(snapshot: Snapshot) -> Plan:
        found = max(stacks(snapshot), key=lambda stack: len(stack.slots()), default=None)
        if found is None:
            raise PlanError(
                "The model has no repeated layers.", hint="Choose a model with two layers or more."
            )
        layers = len(found.layers)
        own, shared = tuple(range(layers)), tuple(rows(layers))
        table = [own if apart and apart in column else shared for column in found.columns]
        return table_plan(snapshot, found, table, title=title)

    return plan


def taking_turns(stored: int) -> Callable[[int], Sequence[int]]:
    """Return the rows in which `stored` of them take turns: 0 1 0 1."""
    return lambda layers: tuple(layer % stored for layer in range(layers))
