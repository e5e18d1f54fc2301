"""A bidirectional encoder; BERT-base as it stands, a token classifier by two turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.options import Option

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.encoder import Encoder, EncoderShape

    around = EncoderShape(
        layers=base.whole(values, "layers"),
        vocab=base.whole(values, "vocab"),
        context=base.whole(values, "context"),
        segments=base.whole(values, "segments"),
        output=str(values["output"]),
        classes=base.whole(values, "classes"),
    )
    return Encoder(base.block_shape(values), around)


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    return (base.tokens(min(base.LENGTH, base.whole(values, "context"))),)


MODEL = base.Model(
    title="Encoder",
    summary="Reads a sequence in both directions: tables, blocks, and an output layer of choice.",
    options=(
        base.layers(),
        base.width(768),
        base.heads(12),
        base.ffn(),
        base.vocab(30_522),
        base.context(512),
        Option(
            "segments",
            "Segments",
            2,
            0,
            8,
            help="How many kinds of sentence have a vector; 0 leaves the table out.",
        ),
        base.norm("after"),
        Option(
            "output",
            "Output",
            "pooler",
            choices=("states", "pooler", "class", "tokens"),
            help="What is read off: states, a pooled state, logits of the sequence, or logits of each token.",
        ),
        Option(
            "classes", "Classes", 2, 2, 262_144, help="How many logits an output layer has, where it has any."
        ),
        base.biases(),
    ),
    build=_build,
    inputs=_inputs,
    source="Devlin et al. (2018), arXiv 1810.04805, section 3",
    check=base.check_heads,
    counted=("layers",),
)
