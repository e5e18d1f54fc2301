"""Attention, feed-forward and the two kinds of Transformer block, every weight a Linear of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class BlockShape:
    """Sizes and habits of one block. `hidden` is the feed-forward width.

    `norm_first` normalises what a sublayer reads (GPT-2, ViT); otherwise what it has added to
    (the first Transformer, BERT).
    """

    width: int
    heads: int
    hidden: int
    bias: bool = True
    causal: bool = False
    norm_first: bool = True
    relu: bool = False


class Attention(nn.Module):
    """Multi-head attention with separate q, k, v and o: each projection is one tensor to share."""

    def __init__(self, width: int, heads: int, *, bias: bool = True, causal: bool = False) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width = {width} is not a multiple of heads = {heads}")
        self.heads = heads
        self.head_dim = width // heads
        self.causal = causal
        self.q = nn.Linear(width, width, bias=bias)
        self.k = nn.Linear(width, width, bias=bias)
        self.v = nn.Linear(width, width, bias=bias)
        self.o = nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """Return attention from `x` to itself, or to `memory` where it is given."""
        source = x if memory is None else memory  # (batch, keys, width)
        q, k, v = self._split(self.q(x)), self._split(self.k(source)), self._split(self.v(source))
        # (batch, heads, length, head_dim)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        joined: Tensor = self.o(mixed.transpose(1, 2).flatten(2))  # (batch, length, width)
        return joined

    def _split(self, x: Tensor) -> Tensor:
        apart = x.reshape(*x.shape[:-1], self.heads, self.head_dim)  # (batch, length, heads, head_dim)
        return apart.transpose(1, 2)  # (batch, heads, length, head_dim)


class FeedForward(nn.Module):
    """Two Linear layers with a GELU, or a ReLU, between them."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.up = nn.Linear(shape.width, shape.hidden, bias=shape.bias)
        self.down = nn.Linear(shape.hidden, shape.width, bias=shape.bias)
        self._activation: Callable[[Tensor], Tensor] = F.relu if shape.relu else F.gelu

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(self._activation(self.up(x)))  # (…, width) → (…, hidden) → (…, width)
        return y


class Block(nn.Module):
    """Attention and feed-forward, each beside a residual and with a LayerNorm of its own."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.norm_first = shape.norm_first
        self.norm1 = nn.LayerNorm(shape.width, bias=shape.bias)
        self.attention = Attention(shape.width, shape.heads, bias=shape.bias, causal=shape.causal)
        self.norm2 = nn.LayerNorm(shape.width, bias=shape.bias)
        self.ffn = FeedForward(shape)

    def forward(self, x: Tensor) -> Tensor:  # (batch, length, width) → the same
        x = _beside(x, self.attention, self.norm1, first=self.norm_first)
        return _beside(x, self.ffn, self.norm2, first=self.norm_first)


class DecoderBlock(nn.Module):
    """Causal attention, attention to the encoder's output, feed-forward."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.norm_first = shape.norm_first
        self.norm1 = nn.LayerNorm(shape.width, bias=shape.bias)
        self.attention = Attention(shape.width, shape.heads, bias=shape.bias, causal=True)
        self.norm2 = nn.LayerNorm(shape.width, bias=shape.bias)
        self.cross = Attention(shape.width, shape.heads, bias=shape.bias)
        self.norm3 = nn.LayerNorm(shape.width, bias=shape.bias)
        self.ffn = FeedForward(shape)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:  # (batch, length, width), (batch, source, width)
        x = _beside(x, self.attention, self.norm1, first=self.norm_first)
        x = _beside(x, lambda y: self.cross(y, memory), self.norm2, first=self.norm_first)
        return _beside(x, self.ffn, self.norm3, first=self.norm_first)


def _beside(x: Tensor, layer: Callable[[Tensor], Tensor], norm: nn.LayerNorm, *, first: bool) -> Tensor:
    """Return `x` with a sublayer added, normalised before the sublayer or after the sum."""
    if first:
        return x + layer(norm(x))
    y: Tensor = norm(x + layer(x))
    return y


def table(rows: int, width: int) -> nn.Embedding:
    """Return an embedding that starts with variance 1 / width, so that a head tied to it starts sanely.

    Torch's own start has variance 1: tied, it would begin at a loss far above ln V.
    """
    made = nn.Embedding(rows, width)
    nn.init.normal_(made.weight, std=width**-0.5)
    return made


def places(tokens: Tensor) -> Tensor:
    """Return the positions 0 … length − 1 of a (batch, length) tensor."""
    return torch.arange(tokens.shape[1], device=tokens.device)
