"""A decoder-only language model; GPT-2 small as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.language_model import LanguageModel

    return LanguageModel(
        base.block_shape(values, causal=True),
        layers=base.whole(values, "layers"),
        vocab=base.whole(values, "vocab"),
        context=base.whole(values, "context"),
    )


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    return (base.tokens(min(base.LENGTH, base.whole(values, "context"))),)


MODEL = base.Model(
    title="Language model",
    summary="Predicts the next token: token and position tables, causal blocks, a head of its own.",
    options=(
        base.layers(),
        base.width(768),
        base.heads(12),
        base.ffn(),
        base.vocab(50_257),
        base.context(1024),
        base.biases(),
    ),
    build=_build,
    inputs=_inputs,
    source="Radford et al. (2019), Language Models are Unsupervised Multitask Learners, section 2.3",
    check=base.check_heads,
    counted=("layers",),
)
