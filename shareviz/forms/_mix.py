"""Sums of atoms that several weights share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from shareviz.forms._base import Draw, Form, Shape, directions, magnitude


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
        atoms = draw(shapes["atoms"]) * magnitude(weight)
        return {"atoms": atoms, "coefficients": directions(draw((1, self.atoms))).reshape(self.atoms)}
