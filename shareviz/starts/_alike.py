"""How alike the layers of a stack are, from their weights alone."""

from __future__ import annotations

import torch

from shareviz.layers import Stack
from shareviz.snapshot import Snapshot
from shareviz.starts import Neighbours
from shareviz.starts._weights import Weights
from shareviz.values import Values


def compared(snapshot: Snapshot, stack: Stack, values: Values) -> tuple[Neighbours, ...]:
    """Return what `neighbours` promises."""
    weights = Weights(snapshot, values)
    sums = [[0.0, 0.0, 0] for _ in stack.layers[1:]]  # inner product, squares, elements
    for column in stack.columns:
        last: tuple[str | None, torch.Tensor | None] = (None, None)
        for place, name in enumerate(stack.column(column)):
            now = (name, _matrix(name, snapshot, weights))
            a, b = last[1], now[1]
            if place and a is not None and b is not None and a.shape == b.shape:
                sums[place - 1][0] += float(a.flatten() @ b.flatten())
                sums[place - 1][1] += float(a.square().sum() + b.square().sum())
                sums[place - 1][2] += a.numel()
            last = now
    pairs = zip(stack.layers, stack.layers[1:], sums, strict=False)
    return tuple(Neighbours(a, b, 2 * dot / (square or 1.0), int(n)) for a, b, (dot, square, n) in pairs)


def _matrix(name: str | None, snapshot: Snapshot, weights: Weights) -> torch.Tensor | None:
    slot = snapshot.by_name.get(name) if name else None
    if slot is None or not slot.counts or len(slot.shape) < 2 or not slot.numel:
        return None
    return weights(slot.name).double()
