"""Cells in a ring that see their neighbours: one layer for each step of a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.options import Option

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.ring import Ring

    width = base.whole(values, "width")
    return Ring(
        width,
        layers=base.whole(values, "layers"),
        hidden=width * base.whole(values, "ffn"),
        vocab=base.whole(values, "vocab"),
        reach=base.whole(values, "reach"),
    )


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    return (base.tokens(base.LENGTH),)


MODEL = base.Model(
    title="Ring of cells",
    summary="A convolution on a ring: each layer mixes a cell with its neighbours; answers at every cell.",
    options=(
        base.layers(6),
        base.width(64),
        base.ffn(2),
        base.vocab(2),
        Option(
            "reach",
            "Reach",
            1,
            0,
            base.LENGTH // 2,
            help="How many neighbours on each side a cell sees in one layer.",
        ),
    ),
    build=_build,
    inputs=_inputs,
    source="Gilpin (2019), arXiv 1809.02942, section II: cellular automata as convolutional networks",
    counted=("layers",),
)
