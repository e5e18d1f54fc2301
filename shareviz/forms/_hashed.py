"""Weights whose elements or rows a fixed hash picks from a few stored ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from shareviz.forms._base import Draw, Form, Shape, directions, magnitude, matrix
from shareviz.hashing import scattered

MOST_HASHES = 64  # of a hashed row: each is one more look-up


@dataclass(frozen=True, slots=True)
class Hashed(Form):
    """Every element is one of `buckets` numbers, or its negative: which, a hash of its place says.

    The hash comes from `seed` and is computed at each access; no index is stored. Buckets start normal
    with the size of the weight. Source: Chen et al. (2015), HashedNets, arXiv 1504.04788, section 4.
    """

    buckets: int
    seed: int = 0
    kind: ClassVar[str] = "hashed"

    def __post_init__(self) -> None:
        if self.buckets < 1 or self.seed < 0:
            raise ValueError("buckets must be at least 1, and the seed at least 0")

    @property
    def title(self) -> str:
        return f"hashed into {self.buckets:,} buckets"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        # more buckets than elements would store more than the weight itself
        return {"buckets": (min(self.buckets, max(1, prod(shape))),)}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        buckets = pieces["buckets"]
        number = scattered(buckets, prod(shape), self.seed)
        return (buckets[(number >> 1) % buckets.shape[0]] * (1 - 2 * (number & 1))).reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        return {"buckets": draw(self.pieces(tuple(weight.shape))["buckets"]) * magnitude(weight)}


@dataclass(frozen=True, slots=True)
class HashedRows(Form):
    """Row `i` is a sum of `hashes` stored rows, which a hash of `i` picks, times importances of its own.

    The hashes come from `seed`, as in `Hashed`. Rows start normal with the size of the weight, the
    importances of a row as a random direction of length 1.
    Source: Svenstrup et al. (2017), hash embeddings, arXiv 1709.03933, section 2.
    """

    buckets: int
    hashes: int = 2
    seed: int = 0
    kind: ClassVar[str] = "hashed-rows"

    def __post_init__(self) -> None:
        if self.buckets < 1 or not 1 <= self.hashes <= MOST_HASHES or self.seed < 0:
            raise ValueError(f"buckets at least 1, hashes 1 to {MOST_HASHES}, and the seed at least 0")

    @property
    def title(self) -> str:
        return f"{self.hashes} of {self.buckets:,} hashed rows"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        rows, columns = matrix(shape)
        return {"rows": (self.buckets, columns), "importances": (rows, self.hashes)}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        stored, often = pieces["rows"], pieces["importances"]
        made = stored[:1] * 0
        for turn in range(self.hashes):
            number = scattered(stored, shape[0], self.seed * self.hashes + turn)
            made = made + stored[number % self.buckets] * often[:, turn : turn + 1]
        return made.reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        shapes = self.pieces(tuple(weight.shape))
        rows = draw(shapes["rows"]) * magnitude(weight)
        return {"rows": rows, "importances": directions(draw(shapes["importances"]))}
