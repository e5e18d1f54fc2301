"""A convolution over cells in a ring: in each layer a cell sees its neighbours, and nothing further."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from shareviz.nets.blocks import table


class RingBlock(nn.Module):
    """Mix each cell with its neighbours, beside a residual and behind a LayerNorm."""

    def __init__(self, width: int, hidden: int, *, reach: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, hidden, 2 * reach + 1, padding=reach, padding_mode="circular")
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:  # (batch, cells, width) → the same
        around = self.conv(self.norm(x).transpose(1, 2))  # (batch, hidden, cells)
        mixed: Tensor = x + self.down(F.gelu(around).transpose(1, 2))
        return mixed


class Ring(nn.Module):
    """Logits of every cell; there are no positions, so all cells are treated alike."""

    def __init__(self, width: int, *, layers: int, hidden: int, vocab: int, reach: int) -> None:
        super().__init__()
        self.tok_emb = table(vocab, width)
        self.blocks = nn.ModuleList(RingBlock(width, hidden, reach=reach) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, cells)
        x = self.tok_emb(tokens)  # (batch, cells, width)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))  # (batch, cells, vocab)
        return logits
