"""Strategies that make weights of pieces: heads, corrections of low rank, places."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from shareviz.capture import capture
from shareviz.errors import PlanError
from shareviz.models import build, inputs_of, snapshot_of
from shareviz.nets.blocks import Attention
from shareviz.options import settle
from shareviz.plan import Plan
from shareviz.realize import bake, realize
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies
from shareviz.strategies.grouped import key_values

look = functools.cache(snapshot_of)
TINY = "language_model?layers=4&width=16&heads=4&vocab=30&context=8"


def planned(seen: Snapshot, name: str, **options: object) -> Plan:
    strategy = strategies()[name]
    return strategy.plan(seen, settle(strategy.options, options))


@pytest.mark.parametrize("kv", [1, 2, 4])
def test_grouped_heads_store_g_of_h_keys_and_values(kv: int) -> None:
    seen = look(TINY)
    after = planned(seen, "gqa", kv_heads=kv).apply(seen)
    # per layer: k and v of 16 × 16 weights and 16 biases keep kv/4 of their rows
    assert tally(seen).stored - tally(after).stored == 4 * 2 * (16 * 16 + 16) * (4 - kv) // 4


def test_a_number_that_does_not_divide_the_heads_is_refused_with_those_that_do() -> None:
    with pytest.raises(PlanError, match="Choose one of 1, 2, 4"):
        planned(look(TINY), "gqa", kv_heads=3)


def test_grouped_attention_equals_repeated_heads() -> None:
    torch.manual_seed(0)
    module = Attention(16, 4)
    plan = planned(capture(module), "gqa", kv_heads=2)
    x = torch.randn(2, 5, 16)
    shared = realize(plan, module)

    q, k, v = (layer(x).view(2, 5, 4, 4) for layer in (module.q, module.k, module.v))
    k, v = (part[:, :, ::2].repeat_interleave(2, dim=2) for part in (k, v))  # the first of each group
    mixed = nn.functional.scaled_dot_product_attention(*(part.transpose(1, 2) for part in (q, k, v)))
    wanted = module.o(mixed.transpose(1, 2).flatten(2))
    torch.testing.assert_close(shared(x), wanted)
    torch.testing.assert_close(bake(shared)(x), wanted)


def test_fused_projections_keep_their_queries() -> None:
    module = nn.MultiheadAttention(16, 4, device="meta")
    plan = planned(capture(module), "gqa", kv_heads=1)
    forms = {rewrite.name: rewrite.form.table for rewrite in plan.rewrites}  # type: ignore[union-attr]
    assert set(forms) == {"in_proj_weight", "in_proj_bias"}
    assert forms["in_proj_weight"] == (0, 1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5)


def test_gpt2_is_grouped_along_the_outputs_of_its_conv1d() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_layer=1, n_embd=16, n_head=4, vocab_size=20, n_positions=8)
    with torch.device("meta"):
        module = transformers.GPT2Model(config)
    seen = capture(module)
    plan = planned(seen, "gqa", kv_heads=2)
    assert {rewrite.form.axis for rewrite in plan.rewrites} == {0, 1}  # type: ignore[union-attr]
    after = plan.apply(seen)
    assert tally(seen).stored - tally(after).stored == 2 * (16 * 16 + 16) // 2
    assert capture(realize(plan, module)) == after


def test_gpt_neox_interleaves_queries_keys_and_values_by_head() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPTNeoXConfig(
        num_hidden_layers=1, hidden_size=16, num_attention_heads=4, vocab_size=20, intermediate_size=32
    )
    with torch.device("meta"):
        seen = capture(transformers.GPTNeoXModel(config))
    if {part.head_dim for part in key_values(seen)} == {None}:
        pytest.skip("this transformers does not state the heads on the module")
    plan = planned(seen, "gqa", kv_heads=2)
    assert plan.rewrites[0].form.table == (0, 1, 2, 3, 1, 2, 4, 5, 6, 7, 5, 6)  # type: ignore[union-attr]


def test_heads_that_nobody_states_are_not_guessed() -> None:
    seen = look(TINY)
    bare = Snapshot(seen.tensors, (), (), seen.storages)
    with pytest.raises(PlanError, match="cannot say how many heads"):
        planned(bare, "gqa")


def test_grouped_heads_of_tied_layers_stay_tied() -> None:
    seen = look(TINY)
    tied = planned(seen, "all").apply(seen)
    after = planned(tied, "gqa", kv_heads=1).apply(tied)
    # one stored k and v of 16 × 16 + 16 each, of which a quarter is left
    assert tally(tied).stored - tally(after).stored == 2 * (16 * 16 + 16) * 3 // 4


def test_llama_7b_with_fewer_heads_has_the_counts_of_the_native_model() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32,
        intermediate_size=11008, vocab_size=32000, tie_word_embeddings=False,
    )  # fmt: skip
    with torch.device("meta"):
        seen = capture(transformers.LlamaForCausalLM(config))
    assert tally(seen).stored == 6_738_415_616
    assert tally(planned(seen, "gqa", kv_heads=8).apply(seen)).stored == 5_933_109_248
    assert tally(planned(seen, "gqa", kv_heads=1).apply(seen)).stored == 5_698_228_224


@pytest.mark.parametrize("order", ["cycle", "sequence"])
def test_relaxed_layers_add_a_correction_for_every_matrix(order: str) -> None:
    seen = look(TINY)
    base = planned(seen, order, stored=2).apply(seen)
    after = planned(seen, "relaxed", stored=2, rank=3, order=order).apply(seen)
    sides = 4 * (16 + 16) + 2 * (16 + 64)  # q, k, v, o; up, down
    assert tally(after).stored - tally(base).stored == 4 * 3 * sides


def test_a_relaxed_start_computes_what_the_tied_layers_compute() -> None:
    module = build(TINY, device="cpu", seed=1)
    seen = capture(module)
    tokens = torch.randint(30, (1, 8))
    shared = realize(planned(seen, "cycle", stored=2), module)(tokens)
    relaxed = realize(planned(seen, "relaxed", stored=2, rank=2), module)(tokens)
    torch.testing.assert_close(shared, relaxed)


def test_rows_over_positions_are_a_convolution() -> None:
    module = build("conv_classifier?image=8&channels=2&channels2=3&kernel=3", device="cpu", seed=2)
    plan = planned(capture(module), "space")
    shared = realize(plan, module)
    x = torch.randn(2, 1, 8, 8)
    kernel = shared.conv1.weight[0].view(2, 1, 3, 3)  # the same at every position
    wanted = nn.functional.conv2d(x, kernel, shared.conv1.bias[0])
    torch.testing.assert_close(shared.conv1(x), wanted)
    # 3·3·1·2 + 2, then 3·3·2·3 + 3, then a head of 3·10 + 10
    assert sum(p.numel() for p in shared.parameters()) == 20 + 57 + 40


def test_one_cell_for_every_step_is_the_recurrent_network_of_torch() -> None:
    text = "gru_classifier?steps=5&width=4&inputs=3"
    module = build(text, device="cpu", seed=3)
    shared = realize(planned(capture(module), "time"), module)
    gru = nn.GRU(3, 4, batch_first=True)
    gru.load_state_dict({f"{name}_l0": value for name, value in shared.cells[0].state_dict().items()})
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(shared(x), shared.head(gru(x)[1][0]))
    assert tally(capture(shared)).stored == 3 * (4 * 3 + 4 * 4 + 2 * 4) + 4 * 2 + 2


def test_one_trunk_serves_every_task_and_keeps_the_heads_apart() -> None:
    seen = look("multitask?tasks=5&layers=2&width=8&inputs=6&classes=3")
    after = planned(seen, "tasks").apply(seen)
    assert tally(after).stored == (6 * 8 + 8) + (8 * 8 + 8) + 5 * (8 * 3 + 3)
    assert all(len(group.names) == 5 for group in tied_groups(after))


def test_one_tower_sees_no_difference_between_equal_sides() -> None:
    text = "siamese?layers=2&width=8&inputs=6"
    module = build(text, device="cpu", seed=4)
    shared = realize(planned(capture(module), "siamese"), module)
    x = torch.randn(3, 6)
    # the head's bias alone is left of |f(x) − f(x)|
    torch.testing.assert_close(shared(x, x), shared.head.bias.expand(3))
    assert not torch.allclose(module(x, x), module.head.bias.expand(3))


def test_a_pair_is_no_set_of_tasks_and_tasks_are_no_pair() -> None:
    with pytest.raises(PlanError, match="multi-task"):
        planned(look("siamese"), "tasks")
    with pytest.raises(PlanError, match="pair of towers"):
        planned(look("multitask"), "siamese")


def test_the_trace_of_a_shared_model_still_fits_its_inputs() -> None:
    module = build(TINY)
    plan = planned(capture(module), "relaxed", stored=2, rank=2)
    assert realize(plan, module)(*inputs_of(TINY)).shape == (1, 8, 30)
