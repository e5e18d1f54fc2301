"""A decoder-only Transformer in the shape of GPT-2."""

from __future__ import annotations

from torch import Tensor, nn

from shareviz.nets.blocks import Block, BlockShape, places, table


class LanguageModel(nn.Module):
    """Next-token logits. The head has a table of its own; tying it to the tokens is a plan."""

    def __init__(self, shape: BlockShape, *, layers: int, vocab: int, context: int) -> None:
        super().__init__()
        self.tok_emb = table(vocab, shape.width)
        self.pos_emb = table(context, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(layers))
        self.norm = nn.LayerNorm(shape.width, bias=shape.bias)
        self.head = nn.Linear(shape.width, vocab, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, length)
        x = self.tok_emb(tokens) + self.pos_emb(places(tokens))  # (batch, length, width)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))  # (batch, length, vocab)
        return logits
