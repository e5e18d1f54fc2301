"""Towers side by side: one for each task, or one for each side of a pair."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Tower(nn.Module):
    """A plain encoder: `layers` Linear layers, a ReLU after each."""

    def __init__(self, inputs: int, width: int, *, layers: int) -> None:
        super().__init__()
        sizes = (inputs, *(width,) * layers)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:  # (batch, inputs) → (batch, width)
        for layer in self.layers:
            x = F.relu(layer(x))
        return x


class Multitask(nn.Module):
    """Logits of every task, from a tower and a head each; one trunk for all is a plan."""

    def __init__(self, towers: list[Tower], *, width: int, classes: int) -> None:
        super().__init__()
        self.towers = nn.ModuleList(towers)
        self.heads = nn.ModuleList(nn.Linear(width, classes) for _ in towers)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, tasks, classes) of (batch, inputs), or of (batch, tasks, inputs): each its own."""
        each = x.unbind(1) if x.dim() == 3 else (x,) * len(self.towers)
        logits = [head(tower(part)) for tower, head, part in zip(self.towers, self.heads, each, strict=True)]
        return torch.stack(logits, dim=1)


class Siamese(nn.Module):
    """The logit that two inputs are alike, from a tower for each side; one tower is a plan."""

    def __init__(self, towers: list[Tower], *, width: int) -> None:
        super().__init__()
        self.towers = nn.ModuleList(towers)
        self.head = nn.Linear(width, 1)

    def forward(self, left: Tensor, right: Tensor | None = None) -> Tensor:
        """Return (batch) logits of (batch, inputs) twice, or of (batch, 2, inputs): pairs in one tensor."""
        if right is None:
            left, right = left.unbind(1)
        apart = (self.towers[0](left) - self.towers[1](right)).abs()  # (batch, width)
        logit: Tensor = self.head(apart).squeeze(-1)  # (batch)
        return logit
