"""Small models with one thing wrong each, for the tests of checks, comparison, lock and survival."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Tied(nn.Module):
    """A language model of 60 stored parameters whose head is the token table."""

    def __init__(self, *, tie: bool = True) -> None:
        super().__init__()
        self.emb = nn.Embedding(10, 4)
        self.mix = nn.Linear(4, 4)
        self.head = nn.Linear(4, 10, bias=False)
        if tie:
            self.head.weight = self.emb.weight

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, time)
        logits: Tensor = self.head(self.mix(self.emb(tokens)))  # (batch, time, vocabulary)
        return logits


class Block(nn.Module):
    """A linear layer, a norm with running statistics if asked, and an activation."""

    def __init__(self, *, norm: bool = False) -> None:
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.bn = nn.BatchNorm1d(4) if norm else nn.Identity()
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.bn(self.lin(x)))
        return y


class Chain(nn.Module):
    """Blocks in a list, run in order."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class Loop(nn.Module):
    """One block under one name, called several times, as ALBERT is written."""

    def __init__(self, times: int = 3, *, norm: bool = False) -> None:
        super().__init__()
        self.block = Block(norm=norm)
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.block(x)
        return x


class Spare(nn.Module):
    """A layer that runs and one that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(4, 4)
        self.spare = nn.Linear(4, 7)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.used(x)
        return y


def tokens() -> Tensor:
    """Return three tokens."""
    return torch.zeros(1, 3, dtype=torch.long)


def rows() -> Tensor:
    """Return two rows of four numbers."""
    return torch.arange(8.0).reshape(2, 4)
