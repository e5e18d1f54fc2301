"""A Vision Transformer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shareviz.nets.blocks import Block, BlockShape


@dataclass(frozen=True, slots=True)
class ImageShape:
    """Sizes around the blocks; `image` is a multiple of `patch`."""

    layers: int
    image: int
    patch: int
    colors: int
    classes: int


class VisionTransformer(nn.Module):
    """Class logits of an image, read off a class token."""

    def __init__(self, shape: BlockShape, around: ImageShape) -> None:
        super().__init__()
        patches = (around.image // around.patch) ** 2
        self.patch = nn.Conv2d(around.colors, shape.width, around.patch, stride=around.patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos = nn.Parameter(torch.empty(1, patches + 1, shape.width))
        nn.init.normal_(self.pos, std=0.02)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(around.layers))
        self.norm = nn.LayerNorm(shape.width, bias=shape.bias)
        self.head = nn.Linear(shape.width, around.classes)

    def forward(self, images: Tensor) -> Tensor:  # (batch, colors, image, image)
        x = self.patch(images).flatten(2).transpose(1, 2)  # (batch, patches, width)
        x = torch.cat((self.cls.expand(len(x), -1, -1), x), dim=1) + self.pos  # (batch, 1 + patches, width)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x)[:, 0])  # (batch, classes)
        return logits
