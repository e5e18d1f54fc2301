"""An encoder and a decoder in the shape of the first Transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shareviz.nets.blocks import Block, BlockShape, DecoderBlock, table


class Encoder(nn.Module):
    """Source tokens to states."""

    def __init__(self, shape: BlockShape, *, layers: int, vocab: int) -> None:
        super().__init__()
        self.tok_emb = table(vocab, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(layers))
        self.norm = nn.LayerNorm(shape.width, bias=shape.bias) if shape.norm_first else None

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, length)
        x = embedded(self.tok_emb, tokens)  # (batch, length, width)
        for block in self.blocks:
            x = block(x)
        return x if self.norm is None else self.norm(x)


class Decoder(nn.Module):
    """Target tokens and the encoder's states to states."""

    def __init__(self, shape: BlockShape, *, layers: int, vocab: int) -> None:
        super().__init__()
        self.tok_emb = table(vocab, shape.width)
        self.blocks = nn.ModuleList(DecoderBlock(shape) for _ in range(layers))
        self.norm = nn.LayerNorm(shape.width, bias=shape.bias) if shape.norm_first else None

    def forward(self, tokens: Tensor, memory: Tensor) -> Tensor:  # (batch, length), (batch, source, width)
        x = embedded(self.tok_emb, tokens)  # (batch, length, width)
        for block in self.blocks:
            x = block(x, memory)
        return x if self.norm is None else self.norm(x)


class EncoderDecoder(nn.Module):
    """Next-token logits of a target, given a source. Its three tables are one only under a plan."""

    def __init__(self, shape: BlockShape, *, layers: tuple[int, int], vocab: int) -> None:
        super().__init__()
        self.encoder = Encoder(shape, layers=layers[0], vocab=vocab)
        self.decoder = Decoder(shape, layers=layers[1], vocab=vocab)
        self.head = nn.Linear(shape.width, vocab, bias=False)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:  # (batch, source), (batch, length)
        logits: Tensor = self.head(self.decoder(target, self.encoder(source)))  # (batch, length, vocab)
        return logits


def embedded(tokens_table: nn.Embedding, tokens: Tensor) -> Tensor:
    """Return token vectors, scaled to the size of the fixed positions that are added to them.

    Source: Vaswani et al. (2017), arXiv 1706.03762, sections 3.4 and 3.5.
    """
    width = tokens_table.embedding_dim
    scaled: Tensor = tokens_table(tokens) * width**0.5
    return scaled + waves(tokens.shape[1], width, like=scaled)


def waves(length: int, width: int, *, like: Tensor) -> Tensor:
    """Return the (length, width) fixed positions: sines in the even columns, cosines in the odd."""
    place = torch.arange(length, device=like.device, dtype=like.dtype)
    rate = 10_000.0 ** (-torch.arange(0, width, 2, device=like.device, dtype=like.dtype) / width)
    angle = place[:, None] * rate  # (length, width / 2, rounded up)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)[:, :width]
