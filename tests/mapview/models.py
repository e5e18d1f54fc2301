"""Small models whose maps the tests know by heart."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from shareviz.capture import capture
from shareviz.design import Design
from shareviz.models import snapshot_of
from shareviz.plan import Plan, tie
from shareviz.snapshot import Snapshot
from shareviz.trace import traced

SMALL = "language_model?layers=6&width=32&heads=4&vocab=50&context=16"


@cache
def plain(text: str = SMALL) -> Snapshot:
    """Return a catalogue model, nothing shared."""
    return snapshot_of(text)


def under(design: str, text: str = SMALL) -> Snapshot:
    """Return a catalogue model under a design."""
    return Design.parse(design).plan(plain(text)).apply(plain(text))


def tied(*pairs: tuple[str, str], text: str = SMALL) -> Snapshot:
    """Return a catalogue model with some names tied to others."""
    return Plan(tuple(tie(name, owner) for name, owner in pairs)).apply(plain(text))


class Again(nn.Module):
    """One block, called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = self.layers[0](x)
        return x


def reused() -> Snapshot:
    """Return the model of one block that runs three times."""
    return traced(Again(), torch.zeros(1, 4))


def named(*names: str) -> Snapshot:
    """Return a model without layers that has one Linear under each name."""
    return capture(nn.ModuleDict({name: nn.Linear(2, 3) for name in names}))
