"""From a checkpoint to a shared one: values for every piece that a plan shares, made from trained weights."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from math import hypot
from typing import TYPE_CHECKING

from shareviz.errors import PlanError
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot
from shareviz.strategies import stacks_of
from shareviz.tablemap import part_keys, table_stack
from shareviz.tabletext import Table, signs_of
from shareviz.text import plural
from shareviz.values import Values

if TYPE_CHECKING:
    import torch

__all__ = [
    "Neighbours",
    "Residual",
    "Start",
    "Started",
    "nearest_design",
    "nearest_rows",
    "neighbours",
    "rank_errors",
    "saved",
    "started",
]


class Start(StrEnum):
    """Which weights a stored block starts from.

    `average`: the mean of all layers that read it. `first`: the first of them. `stepwise`: layers at
    even steps through the whole depth, the first and the last among them.

    Source:
        Bae et al. (2024), arXiv 2410.20672, section 2.
    """

    AVERAGE = "average"
    FIRST = "first"
    STEPWISE = "stepwise"


@dataclass(frozen=True, slots=True)
class Residual:
    """How far one weight is from what it was: Frobenius norms of the difference and of the old weight.

    `strangers` is the difference that weights of these norms would show if they had nothing in common
    (at right angles to each other); None where a form makes the weight.
    """

    name: str
    moved: float
    norm: float
    strangers: float | None = None

    @property
    def share(self) -> float:
        """The difference as a share of the norm; 0 where nothing moved."""
        return self.moved / self.norm if self.norm else float(self.moved > 0)


@dataclass(frozen=True, slots=True)
class Started:
    """A shared checkpoint.

    `tensors` goes by the names of the model under the plan: what the realized module loads. `baked`
    goes by the names of the model before it: what the original class loads. Tied names are one tensor.
    """

    start: Start
    tensors: Mapping[str, torch.Tensor]
    baked: Mapping[str, torch.Tensor]
    residuals: tuple[Residual, ...]

    @property
    def share(self) -> float:
        """The difference of all weights that the plan reaches, together, as a share of their norm."""
        return _of_norm([one.moved for one in self.residuals], self.residuals)

    @property
    def strangers(self) -> float | None:
        """What `share` would be for weights with nothing in common; None where a form makes any of them."""
        apart = [one.strangers for one in self.residuals if one.strangers is not None]
        return _of_norm(apart, self.residuals) if len(apart) == len(self.residuals) else None


def _of_norm(differences: list[float], residuals: tuple[Residual, ...]) -> float:
    norm = hypot(*(one.norm for one in residuals))
    return hypot(*differences) / norm if norm else 0.0


def started(
    plan: Plan,
    snapshot: Snapshot,
    values: Values,
    *,
    start: Start = Start.AVERAGE,
    progress: Callable[[float], None] | None = None,
) -> Started:
    """Return the weights of a model under a plan, made from the weights that it has.

    A tie starts as `start` says. A base with corrections of low rank starts so too, and each correction
    is the best of its rank: the truncated SVD of what the base leaves (Eckart and Young 1936). Blocks of
    rows start as the mean of the blocks that they replace (Ainslie et al. 2023, arXiv 2305.13245,
    section 2.1), or as the first of them. A product through a rank is a truncated SVD, of all weights
    together where they share a factor, and so are atoms; a hashed number is the mean of its elements.
    Adapters start at zero: the weights stay what they are.

    Args:
        values: Of the model before the plan, as `open_values` or `Values.of` give them.
        progress: Called with the share of the pieces that are done, from 0 to 1.

    Raises:
        PlanError: As `Plan.apply`; a form for which no such start is known; names that overlap in part.
        SharevizError: no-values, limit, truncated: as `Values.read`; dtype: a packed type.
    """
    from shareviz.starts._checkpoint import made_from  # torch comes with it

    return made_from(plan, snapshot, values, start=start, progress=progress)


def rank_errors(
    plan: Plan, snapshot: Snapshot, values: Values, *, start: Start = Start.AVERAGE
) -> tuple[tuple[int, float], ...]:
    """Return what corrections of each rank would leave of the matrices that a plan shares.

    Pairs of a rank (0, 1, 2, 4, …) and the Frobenius norm of what is left, as a share of the norm of the
    matrices: rank 0 is sharing alone, and the last rank gives every layer back.

    Raises:
        As `started`.
    """
    from shareviz.starts._ranks import errors

    return errors(plan, snapshot, values, start)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """How alike the matrices of two layers in a row are.

    `alike` is 1 for equal weights and 0 for weights at right angles: 2 <A, B> / (|A|^2 + |B|^2). By
    chance it strays from 0 by about one over the root of `elements`.
    """

    first: int
    second: int
    alike: float
    elements: int

    @property
    def chance(self) -> float:
        """The standard deviation of `alike` for random weights."""
        return 1 / self.elements**0.5 if self.elements else 0.0


def saved(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Return a checkpoint as torch.save writes it: tied names stay one tensor."""
    import torch

    buffer = io.BytesIO()
    torch.save(dict(tensors), buffer)
    return buffer.getvalue()


def neighbours(snapshot: Snapshot, values: Values) -> tuple[Neighbours, ...]:
    """Return how alike each layer of the deepest stack is to the next; () for a model without layers.

    Matrices only, two of them in memory.

    Weights that are near compute alike. Weights that are far may compute alike too, with their hidden
    units in another order, so a low number says nothing.

    Raises:
        SharevizError: As `started`.
    """
    from shareviz.starts._alike import compared

    stack = max(stacks_of(snapshot, "layers"), key=lambda one: len(one.layers), default=None)
    return compared(snapshot, stack, values) if stack else ()


def nearest_rows(found: Sequence[Neighbours], stored: int) -> tuple[int, ...]:
    """Return a row for each layer, in order: `stored` runs of neighbours, cut where they are least alike.

    Example:
        >>> alike = (Neighbours(0, 1, 0.9, 4), Neighbours(1, 2, 0.1, 4), Neighbours(2, 3, 0.5, 4))
        >>> nearest_rows(alike, 2)
        (0, 0, 1, 1)
    """
    if not 1 <= stored <= len(found) + 1:
        raise PlanError(
            f"{stored} stored blocks do not fit {plural(len(found) + 1, 'layer')}.",
            hint=f"Choose from 1 to {len(found) + 1}.",
        )
    cuts = set(sorted(range(len(found)), key=lambda place: found[place].alike)[: stored - 1])
    return tuple(accumulate((int(place in cuts) for place in range(len(found))), initial=0))


def nearest_design(snapshot: Snapshot, found: Sequence[Neighbours], stored: int) -> str:
    """Return the text of the design in which layers share as `nearest_rows` says; norms stay their own.

    Raises:
        PlanError: As `nearest_rows`; the model has more than one stack of layers.
    """
    signs = signs_of(nearest_rows(found, stored))
    if signs is None:
        raise PlanError(f"{stored} stored blocks have no signs.", hint="Choose fewer stored blocks.")
    parts = sorted({*part_keys(snapshot, table_stack(snapshot))} - {"n"})
    return Table(tuple((part, signs) for part in parts)).text
