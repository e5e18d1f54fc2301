"""A Vision Transformer; ViT-B/16 as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.options import Option

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.vit import ImageShape, VisionTransformer

    around = ImageShape(
        layers=base.whole(values, "layers"),
        image=base.whole(values, "image"),
        patch=base.whole(values, "patch"),
        colors=base.whole(values, "colors"),
        classes=base.whole(values, "classes"),
    )
    return VisionTransformer(base.block_shape(values), around)


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    import torch

    side = base.whole(values, "image")
    return (torch.zeros(1, base.whole(values, "colors"), side, side),)


def _check(values: base.Values) -> None:
    base.check_heads(values)
    base.multiple(values, "image", "patch")


MODEL = base.Model(
    title="Vision Transformer",
    summary="Cuts an image into patches and reads them as a sequence; one projection serves every patch.",
    options=(
        base.layers(),
        base.width(768),
        base.heads(12),
        base.ffn(),
        Option("image", "Image", 224, 1, 1024, help="How many pixels a side of the image has."),
        Option("patch", "Patch", 16, 1, 64, help="How many pixels a side of a patch has."),
        Option("colors", "Colours", 3, 1, 16, help="How many channels the image has."),
        Option("classes", "Classes", 1000, 2, 100_000, help="How many logits are read off."),
        base.biases(),
    ),
    build=_build,
    inputs=_inputs,
    source="Dosovitskiy et al. (2020), arXiv 2010.11929, section 3.1",
    check=_check,
    counted=("layers",),
)
