"""Products through few inner columns, alone or as the correction of a base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from shareviz.forms._base import Draw, Form, Shape, magnitude, matrix


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
        return {
            "left": draw(shapes["left"]) * magnitude(weight),
            "right": draw(shapes["right"]) / self.rank**0.5,
        }


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
