"""A tower for each side of a pair; one tower for both, the Siamese network, is a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.models import _towers

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.towers import Siamese

    return Siamese(_towers.towers(values, 2), width=base.whole(values, "width"))


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    import torch

    return torch.zeros(1, base.whole(values, "inputs")), torch.zeros(1, base.whole(values, "inputs"))


MODEL = base.Model(
    title="Pair of towers",
    summary="Says whether two inputs are alike: a tower for each side, and a head on their distance.",
    options=(_towers.LAYERS, _towers.WIDTH, _towers.INPUTS),
    build=_build,
    inputs=_inputs,
    source="Bromley et al. (1993), Signature verification by a Siamese time delay network, section 4",
    counted=("layers",),
)
