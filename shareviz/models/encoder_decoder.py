"""An encoder and a decoder; the base model of the first Transformer as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.encoder_decoder import EncoderDecoder

    depth = base.whole(values, "encoder_layers"), base.whole(values, "decoder_layers")
    return EncoderDecoder(
        base.block_shape(values, relu=True), layers=depth, vocab=base.whole(values, "vocab")
    )


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    return base.tokens(base.LENGTH), base.tokens(base.LENGTH)


MODEL = base.Model(
    title="Encoder-decoder",
    summary="Translates: a source is read, a target written. Three token tables, fixed positions.",
    options=(
        base.layers(6, name="encoder_layers", title="Encoder layers"),
        base.layers(6, name="decoder_layers", title="Decoder layers"),
        base.width(512),
        base.heads(8),
        base.ffn(),
        base.vocab(37_000),
        base.norm("after"),
        base.biases(),
    ),
    build=_build,
    inputs=_inputs,
    source="Vaswani et al. (2017), arXiv 1706.03762, section 3",
    check=base.check_heads,
    counted=("encoder_layers", "decoder_layers"),
)
