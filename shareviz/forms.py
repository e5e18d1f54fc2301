"""How a weight is made of stored pieces: the forms, one frozen class each.

A form knows the shapes of its pieces, makes the weight from them, and says how they start.
It uses the operators of whatever array it is given, so this file needs neither torch nor NumPy.
The first piece is the one that torch keeps under the name `original`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from shareviz.hashing import scattered

MOST_HASHES = 64  # of a hashed row: each is one more look-up
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


@dataclass(frozen=True, slots=True)
class Rows(Form):
    """Block `i` of an axis is stored block `table[i]`: GQA, fused QKV, a convolution from local.

    Stored blocks are numbered by first use, so equal sharing has one spelling. A start keeps the
    first block of each group.
    """

    table: tuple[int, ...]
    axis: int = 0
    kind: ClassVar[str] = "rows"

    def __post_init__(self) -> None:
        seen = 0
        for block in self.table:
            if not 0 <= block <= seen:
                raise ValueError(f"rows must number stored blocks by first use, not {self.table[:12]}")
            seen = max(seen, block + 1)
        if not self.table or self.axis < 0:
            raise ValueError("rows need a table and an axis of at least 0")

    @property
    def stored(self) -> int:
        """Number of stored blocks."""
        return max(self.table) + 1

    @property
    def title(self) -> str:
        return f"{self.stored} of {len(self.table)} blocks stored"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        if self.axis >= len(shape) or shape[self.axis] % len(self.table):
            raise ValueError(f"axis {self.axis} of {shape} does not split into {len(self.table)} blocks")
        kept = shape[self.axis] // len(self.table) * self.stored
        return {"rows": (*shape[: self.axis], kept, *shape[self.axis + 1 :])}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        block = shape[self.axis] // len(self.table)
        around = shape[: self.axis], shape[self.axis + 1 :]
        stored = pieces["rows"].reshape((*around[0], self.stored, block, *around[1]))
        index = (*(slice(None),) * self.axis, list(self.table))
        return stored[index].reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        shape = tuple(weight.shape)
        block = shape[self.axis] // len(self.table)
        firsts = [self.table.index(row) for row in range(self.stored)]
        around = shape[: self.axis], shape[self.axis + 1 :]
        blocks = weight.reshape((*around[0], len(self.table), block, *around[1]))
        kept = blocks[(*(slice(None),) * self.axis, firsts)]
        return {"rows": kept.reshape(self.pieces(shape)["rows"])}


@dataclass(frozen=True, slots=True)
class LowRank(Form):
    """`base + up @ down`: a stored base, usually another layer's, and a correction of low rank.

    `up` starts at zero, so the function of the base is kept; `down` starts normal with variance
    1 / inputs. Source: Bae et al. (2024), arXiv 2410.20672, section 2.
    """

    rank: int
    kind: ClassVar[str] = "low-rank"

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError("rank must be at least 1")

    @property
    def title(self) -> str:
        return f"base + rank {self.rank}"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        rows, columns = matrix(shape)
        # a rank above both sides would store more than the matrix itself: K and V cap it
        rank = min(self.rank, rows, columns)
        return {"base": shape, "up": (rows, rank), "down": (rank, columns)}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        return pieces["base"] + (pieces["up"] @ pieces["down"]).reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        shapes = self.pieces(tuple(weight.shape))
        down = draw(shapes["down"]) / shapes["down"][1] ** 0.5
        return {"base": weight, "up": draw(shapes["up"]) * 0, "down": down}


@dataclass(frozen=True, slots=True)
class Factor(Form):
    """`left @ right` through `rank` inner columns: ALBERT's embedding; low rank is not sharing.

    Starts normal, scaled so that the product has the size of the weight.
    Source: Lan et al. (2019), arXiv 1909.11942, section 3.1.
    """

    rank: int
    kind: ClassVar[str] = "factor"

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError("rank must be at least 1")

    @property
    def title(self) -> str:
        return f"product through {self.rank}"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        rows, columns = matrix(shape)
        return {"left": (rows, self.rank), "right": (self.rank, columns)}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        return (pieces["left"] @ pieces["right"]).reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        shapes = self.pieces(tuple(weight.shape))
        return {"left": draw(shapes["left"]) * _size(weight), "right": draw(shapes["right"]) / self.rank**0.5}


@dataclass(frozen=True, slots=True)
class Mix(Form):
    """A sum of stored atoms, each times a coefficient; the atoms usually those of several layers.

    Atoms start normal with the size of the weight, coefficients as a random direction of length 1, so
    the sum has that size too. Source: MASA, arXiv 2508.04581, matrix atoms.
    """

    atoms: int
    kind: ClassVar[str] = "mix"

    def __post_init__(self) -> None:
        if self.atoms < 1:
            raise ValueError("atoms must be at least 1")

    @property
    def title(self) -> str:
        return f"mix of {self.atoms} {'atoms' if self.atoms > 1 else 'atom'}"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        return {"atoms": (self.atoms, *shape), "coefficients": (self.atoms,)}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        return (pieces["coefficients"] @ pieces["atoms"].reshape(self.atoms, -1)).reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        shapes = self.pieces(tuple(weight.shape))
        atoms = draw(shapes["atoms"]) * _size(weight)
        return {"atoms": atoms, "coefficients": _directions(draw((1, self.atoms))).reshape(self.atoms)}


@dataclass(frozen=True, slots=True)
class Scaled(Form):
    """`base + (outer · up) @ (inner · down)`: a correction whose factors several weights may share.

    `outer` and `inner` are vectors that scale its outputs and inner columns. `outer` starts at zero, so
    the function of the base is kept, `inner` at 0.1; `up` and `down` normal with variance 1 / inputs.
    Source: Kopiczko et al. (2023), VeRA, arXiv 2310.11454, section 3.
    """

    rank: int
    kind: ClassVar[str] = "scaled"

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError("rank must be at least 1")

    @property
    def title(self) -> str:
        return f"base + scaled rank {self.rank}"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        rows, columns = matrix(shape)
        factors = {"up": (rows, self.rank), "down": (self.rank, columns)}
        return {"base": shape, **factors, "outer": (rows,), "inner": (self.rank,)}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        up = pieces["outer"][:, None] * pieces["up"] * pieces["inner"]
        return pieces["base"] + (up @ pieces["down"]).reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        shapes = self.pieces(tuple(weight.shape))
        up, down = (draw(shapes[name]) / shapes[name][1] ** 0.5 for name in ("up", "down"))
        none, tenth = draw(shapes["outer"]) * 0, draw(shapes["inner"]) * 0 + 0.1
        return {"base": weight, "up": up, "down": down, "outer": none, "inner": tenth}


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
        return {"buckets": draw(self.pieces(tuple(weight.shape))["buckets"]) * _size(weight)}


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
        rows = draw(shapes["rows"]) * _size(weight)
        return {"rows": rows, "importances": _directions(draw(shapes["importances"]))}


FORMS: Mapping[str, type[Form]] = {
    form.kind: form for form in (Rows, LowRank, Factor, Scaled, Mix, Hashed, HashedRows)
}


def _size(weight: Any) -> Any:
    """Return the root of the mean square of a weight's elements."""
    return (weight * weight).mean() ** 0.5


def _directions(rows: Any) -> Any:
    """Return rows of length 1."""
    return rows / ((rows * rows).sum(1) ** 0.5)[:, None]


def matrix(shape: Shape) -> tuple[int, int]:
    """Return a weight's shape as a matrix, outputs first: trailing axes are flattened.

    Raises:
        ValueError: Fewer than two axes, or none of an axis.
    """
    if len(shape) < 2 or not prod(shape):
        raise ValueError(f"a vector or an empty tensor of shape {shape} has no low-rank form")
    return shape[0], prod(shape[1:])
