"""A bidirectional Transformer in the shape of BERT."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shareviz.nets.blocks import Block, BlockShape, places, table


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes around the blocks. `segments` may be 0; `output` is states, pooler, class or tokens."""

    layers: int
    vocab: int
    context: int
    segments: int = 2
    output: str = "pooler"
    classes: int = 2


class Encoder(nn.Module):
    """States of a sequence, or what an output layer makes of them.

    `states` gives (batch, length, width); `pooler` a tanh layer on the first state; `class` logits
    of that; `tokens` logits at every position.
    """

    def __init__(self, shape: BlockShape, around: EncoderShape) -> None:
        super().__init__()
        width = shape.width
        self.tok_emb = table(around.vocab, width)
        self.pos_emb = table(around.context, width)
        self.seg_emb = table(around.segments, width) if around.segments else None
        self.emb_norm = None if shape.norm_first else nn.LayerNorm(width, bias=shape.bias)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(around.layers))
        self.norm = nn.LayerNorm(width, bias=shape.bias) if shape.norm_first else None
        self.pooler = nn.Linear(width, width) if around.output in ("pooler", "class") else None
        self.head = nn.Linear(width, around.classes) if around.output in ("class", "tokens") else None

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, length)
        x = self.tok_emb(tokens) + self.pos_emb(places(tokens))  # (batch, length, width)
        if self.seg_emb is not None:
            x = x + self.seg_emb(torch.zeros_like(tokens))  # one segment: all tokens are of the first
        if self.emb_norm is not None:
            x = self.emb_norm(x)
        for block in self.blocks:
            x = block(x)
        if self.norm is not None:
            x = self.norm(x)
        if self.pooler is not None:
            x = torch.tanh(self.pooler(x[:, 0]))  # (batch, width)
        read: Tensor = x if self.head is None else self.head(x)  # (batch[, length], classes)
        return read
