"""The locally connected layer: a kernel for each position, which one plan turns into a convolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LocalConv2d(nn.Module):
    """A square kernel of its own at each of `size` × `size` output positions, stride 1, no padding.

    The weight is (positions, outputs, inputs · kernel²) and the bias (positions, outputs), so rows
    that repeat block 0 along axis 0 make it a convolution exactly.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, image: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.size = image - kernel + 1
        positions, reach = self.size**2, inputs * kernel**2
        self.weight = nn.Parameter(torch.empty(positions, outputs, reach))
        self.bias = nn.Parameter(torch.empty(positions, outputs))
        bound = reach**-0.5  # as nn.Conv2d starts
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:  # (batch, inputs, image, image)
        x, size = x.permute(2, 3, 0, 1), self.size  # positions lie first in memory: half the time of F.unfold
        taps = [x[i : i + size, j : j + size] for i in range(self.kernel) for j in range(self.kernel)]
        patches = torch.stack(taps, dim=-1).reshape(size**2, x.shape[2], -1)  # (positions, batch, reach)
        # one matrix product for each position: (positions, batch, outputs)
        y = torch.baddbmm(self.bias[:, None], patches, self.weight.transpose(1, 2))
        return y.reshape(size, size, *y.shape[1:]).permute(2, 3, 0, 1)  # (batch, outputs, size, size)


@dataclass(frozen=True, slots=True)
class ConvShape:
    """Sizes of the classifier; `pooled` heads forget where, flat ones do not."""

    image: int
    colors: int
    channels: tuple[int, int]
    kernel: int
    classes: int
    pooled: bool


class ConvClassifier(nn.Module):
    """Two locally connected layers and a head.

    A pooled head reads each channel's maximum over all positions, and so works at any; a flat head
    has weights for each position.
    """

    def __init__(self, shape: ConvShape) -> None:
        super().__init__()
        first, second = shape.channels
        self.conv1 = LocalConv2d(shape.colors, first, kernel=shape.kernel, image=shape.image)
        self.conv2 = LocalConv2d(first, second, kernel=shape.kernel, image=self.conv1.size)
        self.pooled = shape.pooled
        self.head = nn.Linear(second if shape.pooled else second * self.conv2.size**2, shape.classes)

    def forward(self, x: Tensor) -> Tensor:  # (batch, colors, image, image)
        x = F.relu(self.conv2(F.relu(self.conv1(x))))  # (batch, second, size, size)
        x = x.amax((2, 3)) if self.pooled else x.flatten(1)
        logits: Tensor = self.head(x)  # (batch, classes)
        return logits
