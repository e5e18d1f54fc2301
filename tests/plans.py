"""Random plans, and the models that the laws are tried on."""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from shareviz.capture import capture
from shareviz.forms import Factor, Form, Hashed, HashedRows, LowRank, Mix, Rows, Scaled
from shareviz.models import build, inputs_of
from shareviz.plan import Plan, Rewrite, own, tie
from shareviz.snapshot import Snapshot

os.environ.setdefault("HF_HUB_OFFLINE", "1")

SMALL = {
    "conv_classifier": "conv_classifier?image=6&channels=2&channels2=3",
    "encoder": "encoder?layers=3&width=8&heads=2&vocab=6&context=9&output=tokens",
    "encoder_decoder": "encoder_decoder?encoder_layers=2&decoder_layers=2&width=8&heads=2&vocab=6",
    "gru_classifier": "gru_classifier?steps=3&width=4",
    "language_model": "language_model?layers=3&width=8&heads=2&vocab=6&context=9",
    "lstm_classifier": "lstm_classifier?steps=3&width=4",
    "multitask": "multitask?tasks=3&inputs=8&width=8",
    "siamese": "siamese?inputs=8&width=8",
    "vit": "vit?layers=2&width=8&heads=2&image=8&patch=4&classes=3",
}


def gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=8, vocab_size=11, n_positions=16))


def albert() -> nn.Module:
    from transformers import AlbertConfig, AlbertModel

    sizes = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 11}
    return AlbertModel(AlbertConfig(hidden_size=8, embedding_size=4, max_position_embeddings=16, **sizes))


def t5() -> nn.Module:
    from transformers import T5Config, T5ForConditionalGeneration

    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=11, d_model=8, d_kv=4, d_ff=16, num_layers=2, num_heads=2, decoder_start_token_id=0
        )
    )


def torch_encoder() -> nn.Module:
    """Modules that read the weights of their children: MultiheadAttention, the fused layer."""
    return nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
    )


class Fused(nn.Module):
    """A two-layer LSTM, whose weights lie in one list, and a tied pair of Linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 4, num_layers=2)
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = nn.Parameter(self.a.weight.detach().t())

    def forward(self, x: Tensor) -> Tensor:  # (time, batch, 4)
        return self.b(self.a(self.rnn(x)[0]))


def tokens(*names: str) -> dict[str, Tensor]:
    return {name: torch.zeros(1, 8, dtype=torch.long) for name in names}


MODELS: Mapping[str, tuple[Callable[[], nn.Module], Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]]] = {
    **{
        name: (functools.partial(build, text), functools.partial(lambda text: (inputs_of(text), {}), text))
        for name, text in SMALL.items()
    },
    "GPT-2": (gpt2, lambda: ((), tokens("input_ids"))),
    "ALBERT": (albert, lambda: ((), tokens("input_ids"))),
    "T5": (t5, lambda: ((), tokens("input_ids", "decoder_input_ids"))),
    "torch": (torch_encoder, lambda: ((torch.zeros(1, 5, 8),), {})),
    "fused": (Fused, lambda: ((torch.zeros(5, 1, 4),), {})),
}


@functools.cache
def on_meta(name: str) -> tuple[nn.Module, Snapshot]:
    """One model, built once on meta; nobody changes it."""
    with torch.device("meta"):
        module = MODELS[name][0]()
    return module, capture(module)


def shared_axis(sizes: tuple[int, ...], draw: st.DrawFn) -> Rows | None:
    """Rows that fit a shape: an axis, a number of blocks, and a table by first use."""
    choices = [(axis, n) for axis, size in enumerate(sizes) for n in range(1, size + 1) if size % n == 0]
    if not choices:
        return None
    axis, blocks = draw(st.sampled_from(choices))
    table: list[int] = []
    for _ in range(blocks):
        table.append(draw(st.integers(0, max(table, default=-1) + 1)))
    return Rows(tuple(table), axis)


def a_form(sizes: tuple[int, ...], draw: st.DrawFn) -> Form | None:
    kind = draw(st.sampled_from((Rows, LowRank, Factor, Scaled, Mix, Hashed, HashedRows)))
    if kind is Rows:
        return shared_axis(sizes, draw)
    if kind in (Mix, Hashed):
        return kind(draw(st.integers(1, 3))) if prod(sizes) else None
    return kind(draw(st.integers(1, 3))) if len(sizes) > 1 and prod(sizes) else None


@st.composite
def plans(draw: st.DrawFn, snapshot: Snapshot) -> Plan:
    """A plan that mostly applies: ties within a shape, own memory, forms with pieces of others.

    Owners are drawn from all names, so circles, ties to formed names and pieces that do not fit
    come up too; both sides of a law must then refuse in the same words.
    """
    names = [tensor.name for tensor in snapshot.parameters() if tensor.region is not None]
    alike: dict[object, list[str]] = defaultdict(list)
    for name in names:
        alike[snapshot.by_name[name].shape].append(name)
    chosen = draw(st.lists(st.sampled_from(names), max_size=6, unique=True))
    rewrites = []
    forms: dict[str, Form] = {}
    for name in chosen:
        sizes = snapshot.by_name[name].shape
        form = a_form(sizes, draw) if draw(st.integers(0, 2)) == 0 else None
        formed = [other for other in forms if snapshot.by_name[other].shape == sizes]
        if form is None and draw(st.booleans()) and draw(st.booleans()):
            rewrites.append(own(name))
        elif form is None:
            owners = [other for other in alike[sizes] if other not in forms] or [name]
            rewrites.append(tie(name, draw(st.sampled_from(owners))))
        else:
            if formed and draw(st.booleans()):
                form = forms[draw(st.sampled_from(formed))]  # the same form, so its pieces fit
            pieces = [piece for piece in form.pieces(sizes) if draw(st.booleans())]
            reads = tuple((piece, draw(st.sampled_from([*formed, *alike[sizes]]))) for piece in pieces)
            if not isinstance(form, LowRank | Scaled) and not formed:
                reads = ()  # only a low-rank base has the shape of a whole weight
            forms[name] = form
            rewrites.append(Rewrite(name, form, reads))
    return Plan(tuple(rewrites))
