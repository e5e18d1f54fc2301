"""Two locally connected layers and a head; one kernel for all positions is a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.errors import OptionError
from shareviz.models import _base as base
from shareviz.options import Option

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.local_conv import ConvClassifier, ConvShape

    shape = ConvShape(
        image=base.whole(values, "image"),
        colors=base.whole(values, "colors"),
        channels=(base.whole(values, "channels"), base.whole(values, "channels2")),
        kernel=base.whole(values, "kernel"),
        classes=base.whole(values, "classes"),
        pooled=values["head"] == "pooled",
    )
    return ConvClassifier(shape)


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    import torch

    side = base.whole(values, "image")
    return (torch.zeros(1, base.whole(values, "colors"), side, side),)


def _check(values: base.Values) -> None:
    image, kernel = base.whole(values, "image"), base.whole(values, "kernel")
    if 2 * (kernel - 1) >= image:
        raise OptionError(
            f"kernel = {kernel} leaves nothing of image = {image} after two layers.",
            hint=f"Set kernel to {(image + 1) // 2}, or image to {2 * kernel - 1}.",
        )


MODEL = base.Model(
    title="Image classifier",
    summary="Two layers with a kernel for each position: what a convolution is before its kernel is shared.",
    options=(
        Option("image", "Image", 16, 4, 64, help="How many pixels a side of the image has."),
        Option("channels", "First channels", 8, 1, 512, help="How many channels the first layer makes."),
        Option("channels2", "Second channels", 32, 1, 512, help="How many channels the second layer makes."),
        Option("kernel", "Kernel", 3, 1, 11, help="How many pixels a side of the kernel has."),
        Option("colors", "Colours", 1, 1, 16, help="How many channels the image has."),
        Option("classes", "Classes", 10, 2, 1000, help="How many logits are read off."),
        Option(
            "head",
            "Head",
            "pooled",
            choices=("pooled", "flat"),
            help="Whether the head sees each channel's maximum or every position.",
        ),
    ),
    build=_build,
    inputs=_inputs,
    source="LeCun et al. (1989), Generalization and network design strategies, section 5",
    check=_check,
)
