"""Every strategy on every model of the catalogue, through what all of them must satisfy."""

from __future__ import annotations

import functools
import time

import pytest

from shareviz.capture import capture
from shareviz.errors import PlanError
from shareviz.models import build, catalogue, snapshot_of
from shareviz.options import settle
from shareviz.realize import realize
from shareviz.sharing import tally
from shareviz.snapshot import Kind, Region, Snapshot, Tensor, contiguous
from shareviz.strategies import applies, strategies

SMALL = {
    "encoder": "encoder?layers=4&width=16&heads=4&vocab=40&context=8&output=tokens&classes=40",
    "encoder_decoder": "encoder_decoder?encoder_layers=4&decoder_layers=4&width=16&heads=4&vocab=40",
    "language_model": "language_model?layers=5&width=16&heads=4&vocab=40&context=8",
    "vit": "vit?layers=4&width=16&heads=4&image=16&patch=8&classes=4",
}
OPTIONS = {"factorised": {"rank": 3}, "gqa": {"kv_heads": 2}, "relaxed": {"stored": 2, "rank": 2}}
OPTIONS |= {"interval": {"every": 2}, "atoms": {"atoms": 2}, "basis": {"rank": 3}, "low_rank": {"rank": 3}}
OPTIONS |= {"hash_embeddings": {"buckets": 8}}
OPTIONS |= {key: {"stored": 2} for key in ("sequence", "cycle", "reversed")}
ADAPTERS = ("lora", "vera", "tied_lora")
MODELS = tuple(catalogue())
look = functools.cache(lambda model: snapshot_of(SMALL.get(model, model)))


def values_of(name: str) -> dict[str, object]:
    return dict(settle(strategies()[name].options, OPTIONS.get(name, {})))


@functools.cache
def reason(name: str, model: str) -> str:
    return applies(strategies()[name], look(model), values_of(name))


@pytest.mark.parametrize("name", [name for name in strategies() if name != "apart"])
def test_what_is_counted_is_what_is_trained(name: str) -> None:
    """Law 2 on every model that a strategy applies to; and an unshared model never stores more."""
    for model in (model for model in MODELS if not reason(name, model)):
        seen = look(model)
        plan = strategies()[name].plan(seen, values_of(name))
        after = plan.apply(seen)
        assert capture(realize(plan, build(SMALL.get(model, model)))) == after, model
        counts = (
            tally(model).trainable if name in ADAPTERS else tally(model).stored for model in (after, seen)
        )
        less, more = counts
        assert less is not None
        assert more is not None
        assert less < more  # an adapter stores more, and trains less
        assert plan.splits(seen) == ()
        assert plan.title == strategies()[name].label(values_of(name))


@pytest.mark.parametrize("name", strategies())
def test_a_strategy_applies_somewhere_and_says_why_not_elsewhere(name: str) -> None:
    reasons = {model: reason(name, model) for model in MODELS}
    shared = strategies()["all"].plan(look("vit"), values_of("all")).apply(look("vit"))
    if name == "apart":
        reasons["shared"] = applies(strategies()[name], shared, {})
    assert "" in reasons.values()
    for why in filter(None, reasons.values()):
        assert why.endswith(".")
        assert len(why.split()) > 6


@pytest.mark.parametrize("name", strategies())
def test_a_strategy_names_itself_its_source_and_its_turns(name: str) -> None:
    strategy = strategies()[name]
    assert strategy.name == name
    assert strategy.summary.endswith(".")
    assert strategy.source
    assert all(option.help.endswith(".") for option in strategy.options)


def llama70() -> Snapshot:
    """The shape of Llama-2-70B as a file would give it, with module facts beside."""
    from shareviz.snapshot import Module

    sizes = {
        "self_attn.q_proj": (8192, 8192),
        "self_attn.k_proj": (1024, 8192),
        "self_attn.v_proj": (1024, 8192),
        "self_attn.o_proj": (8192, 8192),
        "mlp.gate_proj": (28672, 8192),
        "mlp.up_proj": (28672, 8192),
        "mlp.down_proj": (8192, 28672),
        "input_layernorm": (8192,),
        "post_attention_layernorm": (8192,),
    }
    names = [("model.embed_tokens", (32000, 8192))]
    for layer in range(80):
        names += [(f"model.layers.{layer}.{name}", size) for name, size in sizes.items()]
    names += [("model.norm", (8192,)), ("lm_head", (32000, 8192))]
    tensors = tuple(
        Tensor(f"{name}.weight", name, size, "bfloat16", Region(n, 0, contiguous(size)), kind=Kind.UNKNOWN)
        for n, (name, size) in enumerate(names)
    )
    facts = (("head_dim", 128),)
    heads = [Module(f"model.layers.{layer}.self_attn", "LlamaAttention", facts=facts) for layer in range(80)]
    modules = (*heads, *(Module(name, "") for name, _ in names))
    return Snapshot(tensors, modules, (), tuple(tensor.nbytes for tensor in tensors))


def test_every_strategy_takes_well_under_a_second_on_seventy_billion() -> None:
    seen = llama70()
    assert tally(seen).stored == 68_976_648_192
    slowest = 0.0
    for name, strategy in strategies().items():
        started = time.process_time()
        applies(strategy, seen, values_of(name))
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 0.5
    plan = strategies()["all"].plan(seen, values_of("all"))
    # 80 layers of 855,638,016 without norms; 79 of them go
    assert tally(plan.apply(seen)).stored == 68_976_648_192 - 79 * 855_638_016


def test_two_strategies_of_one_name_would_be_refused() -> None:
    names = [name for name, strategy in strategies().items() if strategy.name != name]
    assert names == []


def test_a_shared_layer_module_is_not_split_by_a_plan() -> None:
    from torch import nn

    layer = nn.TransformerEncoderLayer(16, 2, 32, device="meta")
    seen = capture(nn.Sequential(*[layer] * 4))
    why = applies(strategies()["cycle"], seen, {"stored": 2, "parts": "both", "norms": "own"})
    assert "one module object" in why
    with pytest.raises(PlanError):
        strategies()["relaxed"].plan(seen, values_of("relaxed"))
