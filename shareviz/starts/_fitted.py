"""Pieces of forms fitted to weights: each the nearest in least squares, given what it shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from shareviz.errors import PlanError
from shareviz.forms import Factor, Hashed, Mix, Rows
from shareviz.hashing import scattered
from shareviz.starts._weights import as_matrix, best_of_rank

Draw = Callable[[tuple[int, ...]], torch.Tensor]


def pooled(form: Rows, weight: torch.Tensor) -> torch.Tensor:
    """Return the stored blocks, each the mean of the blocks that read it."""
    moved = weight.movedim(form.axis, 0)
    blocks = moved.reshape(len(form.table), -1, *moved.shape[1:])
    table = torch.tensor(form.table)
    total = torch.zeros(form.stored, *blocks.shape[1:], dtype=torch.float64)
    total.index_add_(0, table, blocks.double())
    times = torch.bincount(table).reshape(-1, *[1] * (blocks.dim() - 1))
    kept = (total / times).flatten(0, 1).movedim(0, form.axis)
    return kept.to(weight.dtype).contiguous()


def bucket_means(form: Hashed, weight: torch.Tensor) -> torch.Tensor:
    """Return the stored numbers, each the mean of its elements after their signs; 0 where it has none."""
    (many,) = form.pieces(tuple(weight.shape))["buckets"]
    number = scattered(weight, weight.numel(), form.seed)
    place, sign = (number >> 1) % many, 1 - 2 * (number & 1)
    total = torch.zeros(many, dtype=torch.float64).index_add_(0, place, weight.flatten().double() * sign)
    return (total / torch.bincount(place, minlength=many).clamp_min(1)).to(weight.dtype)


def spanned(
    form: Factor | Mix, own: str, weights: Sequence[torch.Tensor], times: Sequence[int]
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return what each weight has of its own, and what all share: the truncated SVD of all together.

    Args:
        own: The piece that each has for itself.
        times: How many names read each weight, so how much it counts.

    Raises:
        PlanError: The weights have no such rank.
    """
    matrices = [weight.reshape(1, -1) if isinstance(form, Mix) else as_matrix(weight) for weight in weights]
    if own == "right":
        matrices = [matrix.T for matrix in matrices]
    heavy = [count**0.5 for count in times]
    together = torch.cat([matrix.double() * more for matrix, more in zip(matrices, heavy, strict=True)])
    rank = form.atoms if isinstance(form, Mix) else form.rank
    if rank > min(together.shape):
        raise PlanError(
            f"Weights of {min(together.shape)} directions do not fill {rank}.",
            hint=f"Choose at most {min(together.shape)}.",
        )
    parts, common = best_of_rank(together, rank)
    split = torch.split(parts, [len(matrix) for matrix in matrices])
    parts_own = [part / more for part, more in zip(split, heavy, strict=True)]
    if own == "right":
        return [part.T for part in parts_own], common.T
    return parts_own, common


def without_dead(up: torch.Tensor, down: torch.Tensor, draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the factors, with drawn numbers in `down` wherever both are zero: else neither ever learns."""
    dead = (up == 0).all(0) & (down == 0).all(1)
    return up, down.where(~dead[:, None], draw(tuple(down.shape)) / down.shape[1] ** 0.5)
