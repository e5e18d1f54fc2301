"""What every form is, and the arithmetic that several need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

Shape = tuple[int, ...]
Draw = Callable[[Shape], Any]  # standard normal numbers of a shape, from a seeded generator


@dataclass(frozen=True, slots=True)
class Form:
    """Base of the forms. `kind` is the word in JSON; `title` is what the page says."""

    kind: ClassVar[str] = ""

    @property
    def title(self) -> str:
        raise NotImplementedError

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        """Return the shape of each piece, first the one that torch calls `original`.

        Raises:
            ValueError: The form cannot make a weight of this shape.
        """
        raise NotImplementedError

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        """Return the weight, an array of `shape`, from arrays of the shapes of `pieces`."""
        raise NotImplementedError

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        """Return initial pieces for a module whose weight is now `weight`."""
        raise NotImplementedError


def matrix(shape: Shape) -> tuple[int, int]:
    """Return a weight's shape as a matrix, outputs first: trailing axes are flattened.

    Raises:
        ValueError: Fewer than two axes, or none of an axis.
    """
    if len(shape) < 2 or not prod(shape):
        raise ValueError(f"a vector or an empty tensor of shape {shape} has no low-rank form")
    return shape[0], prod(shape[1:])


def magnitude(weight: Any) -> Any:
    """Return the root of the mean square of a weight's elements."""
    return (weight * weight).mean() ** 0.5


def directions(rows: Any) -> Any:
    """Return rows of length 1."""
    return rows / ((rows * rows).sum(1) ** 0.5)[:, None]
