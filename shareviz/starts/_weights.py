"""The weights that a model has, as torch tensors, read one at a time."""

from __future__ import annotations

from collections import defaultdict
from math import prod
from typing import Any

import torch

from shareviz.errors import SharevizError
from shareviz.snapshot import Region, Snapshot
from shareviz.starts import Residual
from shareviz.text import clean
from shareviz.values import Values


class Weights:
    """Called with a name, it returns that weight as the model has it, in memory of its own."""

    def __init__(self, snapshot: Snapshot, values: Values) -> None:
        self.snapshot = snapshot
        self._values = values
        self._names: dict[Region | None, list[str]] = defaultdict(list)
        for slot in snapshot.tensors:
            self._names[slot.region].append(slot.name)

    def __call__(self, name: str) -> torch.Tensor:
        slot = self.snapshot.by_name[name]
        kind: Any = getattr(torch, slot.dtype, None)
        if slot.region is None or not isinstance(kind, torch.dtype):
            raise SharevizError(
                f"{clean(name, 80)} holds {slot.dtype}, which cannot be averaged.",
                code="dtype",
                hint="Open a checkpoint in a float type.",
            )
        if not slot.numel:
            return torch.empty(slot.shape, dtype=kind)
        last = sum((length - 1) * step for length, step in zip(slot.shape, slot.region.stride, strict=True))
        data = self._values.read(self._at_hand(name), slot.region.offset, (last + 1) * kind.itemsize)
        flat = torch.frombuffer(bytearray(data), dtype=kind)
        seen = flat.as_strided(slot.shape, slot.region.stride)
        return seen.neg().contiguous() if "neg" in slot.region.flags else seen.contiguous()

    def residual(self, name: str, new: torch.Tensor) -> Residual:
        """Return how far a new weight is from the one that the model has."""
        old = self(name).double()
        return Residual(name, float((new.double() - old).norm()), float(old.norm()))

    def _at_hand(self, name: str) -> str:
        """Return a name on the same memory that the file holds: a tied one may be known by a config only."""
        together = self._names[self.snapshot.by_name[name].region]
        return next((one for one in (name, *together) if self._values.nbytes(one) is not None), name)


def best_of_rank(weight: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `up` and `down` whose product is the nearest matrix of a rank, both scaled alike.

    By the eigenvectors of the smaller Gram matrix in double precision: a tenth of the time of a whole
    SVD, and the same subspace.

    Source:
        Eckart and Young (1936), Psychometrika 1 (3).
    """
    wide = weight.shape[0] <= weight.shape[1]
    matrix = weight.double() if wide else weight.double().T
    squares, vectors = torch.linalg.eigh(matrix @ matrix.T)
    left = vectors[:, -rank:].flip(1)
    scale = squares[-rank:].flip(0).clamp_min(0) ** 0.25  # the square root of a singular value
    right = (left.T @ matrix) / scale.where(scale > 0, 1)[:, None]
    up, down = left * scale, right
    return (up, down) if wide else (down.T, up.T)


def as_matrix(weight: torch.Tensor) -> torch.Tensor:
    """Return a weight as outputs by all else, as forms see it."""
    return weight.reshape(weight.shape[0], prod(weight.shape[1:]))
