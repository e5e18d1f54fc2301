"""Adapters: what is trained, against closed forms and published counts; the function at the start is kept."""

from __future__ import annotations

import functools

import pytest
import torch

from shareviz.capture import capture
from shareviz.errors import PlanError
from shareviz.jsonio import plan_from_json, plan_to_json
from shareviz.models import build, snapshot_of
from shareviz.options import settle
from shareviz.plan import Plan, tie
from shareviz.realize import bake, realize
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies

look = functools.cache(snapshot_of)
TINY = "language_model?layers=4&width=16&heads=4&vocab=40&context=8"
WAYS = ("lora", "vera", "tied_lora")


def planned(seen: Snapshot, name: str, **options: object) -> Plan:
    strategy = strategies()[name]
    return strategy.plan(seen, settle(strategy.options, options))


def trained(seen: Snapshot, name: str, **options: object) -> int | None:
    return tally(planned(seen, name, **options).apply(seen)).trainable


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_what_is_trained_is_the_closed_form(rank: int) -> None:
    seen, layers, side = look(TINY), 4, 16
    assert trained(seen, "lora", rank=rank) == layers * 2 * rank * (side + side)
    assert trained(seen, "vera", rank=rank) == layers * 2 * (side + rank)
    # q and v each: one pair of factors for all layers, two vectors for each
    assert trained(seen, "tied_lora", rank=rank) == 2 * (rank * 2 * side + layers * (rank + side))
    assert trained(seen, "lora", rank=rank, targets="feed-forward") == layers * 2 * rank * (16 + 64)


def test_the_published_counts_of_lora() -> None:
    # Hu et al. (2021): GPT-3, queries and values, rank 1 and 8: 4.7 M and 37.7 M; RoBERTa base: 0.3 M
    gpt3 = look("language_model?layers=96&width=12288&heads=96&vocab=50257&context=2048")
    assert trained(gpt3, "lora", rank=1) == 4_718_592
    assert trained(gpt3, "lora", rank=8) == 37_748_736
    assert trained(look("encoder?vocab=50265"), "lora", rank=8) == 294_912


def test_vera_stores_one_random_pair_for_all() -> None:
    seen = look(TINY)
    after = planned(seen, "vera", rank=3).apply(seen)
    assert tally(after).stored - tally(seen).stored == 3 * (16 + 16) + 4 * 2 * (16 + 3)


@pytest.mark.parametrize("name", WAYS)
def test_an_adapted_model_starts_as_it_was_and_moves_only_its_adapters(name: str) -> None:
    module = build(TINY, device="cpu", seed=1)
    seen = capture(module)
    plan = planned(seen, name, rank=2)
    made = realize(plan, module)
    assert capture(made) == plan.apply(seen)
    assert all(parameter.requires_grad for parameter in module.parameters())
    tokens = torch.randint(40, (2, 8))
    torch.testing.assert_close(made(tokens), module(tokens))
    torch.testing.assert_close(bake(made)(tokens), made(tokens))
    moving = [parameter for parameter in made.parameters() if parameter.requires_grad]
    assert sum(parameter.numel() for parameter in moving) == tally(capture(made)).trainable
    made(tokens).square().mean().backward()
    assert {id(p) for p in made.parameters() if p.grad is not None} == {id(p) for p in moving}


@pytest.mark.parametrize("name", WAYS)
def test_a_plan_that_freezes_is_read_back_from_its_text(name: str) -> None:
    plan = planned(look(TINY), name, rank=2)
    assert plan.frozen
    assert plan_from_json(plan_to_json(plan)) == plan
    assert "frozen" not in plan_to_json(Plan())


def test_a_file_learns_from_the_plan_what_is_trained() -> None:
    from dataclasses import replace

    seen = look(TINY)
    bare = replace(
        seen, tensors=tuple(replace(slot, trainable=None, object=None) for slot in seen.tensors), steps=None
    )
    assert tally(bare).trainable is None
    assert trained(bare, "lora", rank=3) == 4 * 2 * 3 * 32


def test_a_tied_head_is_frozen_with_its_table() -> None:
    seen = look(TINY)
    tied = planned(seen, "tied").apply(seen)
    assert trained(tied, "lora", rank=3) == 4 * 2 * 3 * 32
    both = planned(seen, "tied").then(planned(tied, "lora", rank=3))
    assert both.apply(seen) == planned(tied, "lora", rank=3).apply(tied)


def test_what_ties_a_frozen_name_later_is_refused() -> None:
    plan = planned(look(TINY), "lora", rank=3)
    with pytest.raises(PlanError, match="Put what is frozen last"):
        plan.then(Plan((tie("head.weight", "tok_emb.weight"),)))


def test_a_name_that_is_no_parameter_is_not_frozen() -> None:
    module = build(TINY)
    for act in (lambda plan: plan.apply(look(TINY)), lambda plan: realize(plan, module)):
        with pytest.raises(PlanError, match="freezes blocks, which is no parameter"):
            act(Plan(frozen=("blocks",)))


def test_fused_queries_are_adapted_only_as_a_whole() -> None:
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        config = transformers.GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=20, n_positions=8)
        seen = capture(transformers.GPT2LMHeadModel(config))
    with pytest.raises(PlanError, match="Adapt attention, feed-forward or all"):
        planned(seen, "lora")
    # c_attn 8×24 and c_proj 8×8 in two layers
    assert trained(seen, "lora", rank=2, targets="attention") == 2 * 2 * (8 + 24 + 8 + 8)
