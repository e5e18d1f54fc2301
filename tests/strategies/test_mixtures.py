"""Layers of shared pieces, hashed weights and low rank: closed forms, and what they compute."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as draw

from shareviz.capture import capture
from shareviz.errors import PlanError
from shareviz.layers import sharing_map, stacks
from shareviz.models import build, snapshot_of
from shareviz.options import settle
from shareviz.plan import Plan
from shareviz.realize import bake, realize
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies

look = functools.cache(snapshot_of)
TINY = "language_model?layers=6&width=16&heads=4&vocab=100&context=8"
SIZES = [(16, 16)] * 4 + [(64, 16), (16, 64)]  # q, k, v, o, up, down


def planned(seen: Snapshot, name: str, **options: object) -> Plan:
    strategy = strategies()[name]
    return strategy.plan(seen, settle(strategy.options, options))


def saved(seen: Snapshot, name: str, **options: object) -> int:
    return tally(seen).stored - tally(planned(seen, name, **options).apply(seen)).stored


def refused(name: str, **options: object) -> str:
    with pytest.raises(PlanError) as caught:
        planned(look(TINY), name, **options)
    return str(caught.value)


@pytest.mark.parametrize("parts", ["attention", "feed-forward", "both"])
@settings(deadline=None, max_examples=8)
@given(atoms=draw.integers(1, 5))
def test_atoms_store_s_matrices_and_s_numbers_for_each_layer(parts: str, atoms: int) -> None:
    # S·d² + L·S in place of L·d², for each projection
    held = {"attention": SIZES[:4], "feed-forward": SIZES[4:], "both": SIZES}[parts]
    wanted = sum(6 * m * p - atoms * m * p - 6 * atoms for m, p in held)
    assert saved(look(TINY), "atoms", atoms=atoms, parts=parts) == wanted


def test_as_many_atoms_as_layers_are_refused() -> None:
    assert "Choose atoms from 1 to 5" in refused("atoms", atoms=6)


def test_masa_stores_a_third_of_the_attention() -> None:
    # arXiv 2508.04581: attention of 226.5 M in 75 M; a shape that gives this: 24 layers of 4 × 1536²
    layers, side, atoms = 24, 1536, 8
    assert layers * 4 * side**2 == 226_492_416
    seen = look(f"language_model?layers={layers}&width={side}&heads=16&vocab=100&context=8")
    kept = layers * 4 * side**2 - saved(seen, "atoms", atoms=atoms)
    assert kept == 4 * (atoms * side**2 + layers * atoms) == 75_498_240


@settings(deadline=None, max_examples=10)
@given(rank=draw.integers(1, 8), group=draw.integers(2, 6))
def test_a_basis_stores_its_vectors_once_for_a_group(rank: int, group: int) -> None:
    # m·k + n·k·p in place of n·m·p, inputs m, outputs p; a last group of one layer stays whole
    sizes = [len(range(first, min(first + group, 6))) for first in range(0, 6, group)]
    wanted = sum(
        n * m * p - (m * rank + n * rank * p)
        for p, m in SIZES
        for n in sizes
        if n > 1 and m * rank + n * rank * p < n * m * p
    )
    assert saved(look(TINY), "basis", rank=rank, group=group) == wanted


def test_a_basis_that_saves_nothing_anywhere_is_refused() -> None:
    # up and down of 16 and 64: at n = 2, 2·1024 / (64 + 2·16) = 21.3
    assert "Choose rank from 1 to 21" in refused("basis", rank=22)
    planned(look(TINY), "basis", rank=21)


@settings(deadline=None, max_examples=8)
@given(ratio=draw.integers(2, 40))
def test_hashed_matrices_store_one_number_for_so_many(ratio: int) -> None:
    wanted = 6 * sum(m * p - m * p // ratio for m, p in SIZES)
    assert saved(look(TINY), "hashed", ratio=ratio) == wanted


@settings(deadline=None, max_examples=10)
@given(buckets=draw.integers(1, 90), hashes=draw.integers(1, 4))
def test_hash_embeddings_store_b_rows_and_k_weights_a_token(buckets: int, hashes: int) -> None:
    if buckets * 16 + 100 * hashes >= 100 * 16:
        assert "Choose buckets from 1 to" in refused("hash_embeddings", buckets=buckets, hashes=hashes)
        return
    assert saved(look(TINY), "hash_embeddings", buckets=buckets, hashes=hashes) == (
        100 * 16 - buckets * 16 - 100 * hashes
    )


@settings(deadline=None, max_examples=8)
@given(rank=draw.integers(1, 12))
def test_low_rank_stores_two_narrow_matrices_where_that_is_less(rank: int) -> None:
    seen = look(TINY)
    wanted = 6 * sum(m * p - rank * (m + p) for m, p in SIZES if rank * (m + p) < m * p)
    assert saved(seen, "low_rank", rank=rank) == wanted
    assert tied_groups(planned(seen, "low_rank", rank=rank).apply(seen)) == tied_groups(seen) == ()


def test_low_rank_says_that_it_is_no_sharing() -> None:
    assert "not sharing" in strategies()["low_rank"].title
    assert "Choose rank from 1 to 12" in refused("low_rank", rank=13)


def test_layers_of_atoms_compute_what_summed_weights_compute() -> None:
    module = build(TINY, device="cpu", seed=1)
    shared = realize(planned(capture(module), "atoms", atoms=2, parts="both"), module, seed=3)
    state = shared.state_dict()
    atoms = state["blocks.0.attention.q.parametrizations.weight.original"]
    assert state["blocks.4.attention.q.parametrizations.weight.original"].data_ptr() == atoms.data_ptr()
    own = state["blocks.4.attention.q.parametrizations.weight.0.coefficients"]
    plain = bake(shared)
    torch.testing.assert_close(plain.blocks[4].attention.q.weight, own[0] * atoms[0] + own[1] * atoms[1])
    tokens = torch.randint(100, (2, 8))
    torch.testing.assert_close(plain(tokens), shared(tokens))


def test_layers_of_one_basis_span_no_more_than_its_size() -> None:
    module = build(TINY, device="cpu", seed=1)
    shared = bake(realize(planned(capture(module), "basis", rank=3, group=3), module))
    for first in (0, 3):
        # inputs are columns: three layers one above the other have rank 3 together
        stacked = torch.cat([shared.blocks[layer].ffn.up.weight for layer in range(first, first + 3)])
        assert torch.linalg.matrix_rank(stacked.detach()) == 3
    both = torch.cat([shared.blocks[layer].ffn.up.weight for layer in (2, 3)])
    assert torch.linalg.matrix_rank(both.detach()) == 6


def test_the_basis_of_gpt2_stands_on_the_side_of_its_inputs() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=20, n_positions=8)
    torch.manual_seed(0)
    module = transformers.GPT2Model(config).eval()
    seen = capture(module)
    plan = planned(seen, "basis", rank=2)
    # c_fc, inputs 8, outputs 32: 8·2 + 2·2·32 in place of 2·8·32
    after = plan.apply(seen)
    held = {slot.name: slot.shape for slot in after.tensors if ".c_fc.param" in slot.name}
    assert set(held.values()) == {(8, 2), (2, 32)}
    shared = realize(plan, module)
    assert capture(shared) == after
    stacked = torch.cat([bake(shared).h[layer].mlp.c_fc.weight.T for layer in range(2)])
    assert torch.linalg.matrix_rank(stacked.detach()) == 2


def test_a_hashed_layer_computes_what_its_looked_up_matrix_computes() -> None:
    module = build("siamese?layers=2&width=8&inputs=6", device="cpu", seed=4)
    plan = planned(capture(module), "hashed", ratio=4)
    shared = realize(plan, module)
    rewrite = plan.rewrites[0]
    weight = shared.get_submodule(rewrite.name.removesuffix(".weight")).weight
    assert len(weight.detach().abs().unique()) <= weight.numel() // 4
    x = torch.randn(2, 3, 6)
    torch.testing.assert_close(bake(shared)(*x), shared(*x))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("atoms", {"atoms": 2}),
        ("basis", {"rank": 3}),
        ("hashed", {}),
        ("hash_embeddings", {"buckets": 20}),
        ("low_rank", {"rank": 3}),
    ],
)
def test_every_piece_learns_and_the_start_is_that_of_the_seed(name: str, options: dict[str, int]) -> None:
    module = build(TINY, device="cpu", seed=1)
    plan = planned(capture(module), name, **options)
    one, same, other = (realize(plan, module, seed=seed) for seed in (5, 5, 6))
    tokens = torch.randint(100, (2, 8))
    torch.testing.assert_close(one(tokens), same(tokens), rtol=0, atol=0)
    assert not torch.equal(one(tokens), other(tokens))
    torch.nn.functional.cross_entropy(one(tokens).flatten(0, 1), tokens.flatten()).backward()
    for piece, parameter in one.named_parameters():
        assert parameter.grad is not None, piece
        assert bool(parameter.grad.abs().sum() > 0) or piece.endswith("k.bias"), piece


def test_a_gradient_of_atoms_is_the_sum_over_its_layers() -> None:
    module = build(TINY, device="cpu", seed=1)
    shared = realize(planned(capture(module), "atoms", atoms=2), module)
    plain = bake(shared)
    tokens = torch.randint(100, (2, 8))
    for each in (shared, plain):
        each(tokens).square().mean().backward()
    parts = [block.attention.v.weight.grad for block in plain.blocks]
    pieces = [block.attention.v.parametrizations.weight for block in shared.blocks]
    own = [piece[0].coefficients.detach() for piece in pieces]
    wanted = torch.stack([sum(c[s] * part for c, part in zip(own, parts, strict=True)) for s in range(2)])
    torch.testing.assert_close(pieces[0].original.grad, wanted)


def test_tied_layers_stay_tied_and_are_grouped_once() -> None:
    seen = look(TINY)
    tied = planned(seen, "cycle", stored=3).apply(seen)
    after = planned(tied, "atoms", atoms=1).apply(tied)
    assert tally(tied).stored - tally(after).stored == 4 * (3 * 256 - 256 - 3)
    (stack,) = stacks(tied)
    rows = sharing_map(after, stack).row("attention.q.weight")
    assert [row % 3 for row in rows] == [0, 1, 2, 0, 1, 2]
    one = planned(seen, "all").apply(seen)
    with pytest.raises(PlanError, match="hold no attention matrices that stand apart"):
        planned(one, "atoms", atoms=1)


def test_a_tied_head_is_hashed_with_its_table() -> None:
    seen = look(TINY)
    tied = planned(seen, "tied").apply(seen)
    after = planned(tied, "hash_embeddings", buckets=20).apply(tied)
    assert {weight.name for weight in after.derived} == {"tok_emb.weight", "head.weight"}
    assert tally(tied).stored - tally(after).stored == 1600 - 320 - 200


def test_hashes_of_two_layers_differ_as_in_the_paper() -> None:
    forms = {rewrite.form for rewrite in planned(look(TINY), "hashed", parts="attention").rewrites}
    assert len(forms) == 6 * 4


def test_a_share_of_hashed_elements_collides_as_chance_says() -> None:
    form = planned(look(TINY), "hashed", ratio=2, parts="feed-forward").rewrites[0].form
    assert form is not None
    made = np.abs(form.make({"buckets": np.arange(1.0, 513)}, (64, 16)))
    # 1,024 balls in 512 bins: 1 − e⁻² of the bins are hit, 443 ± 10
    assert 400 < len(np.unique(made)) < 485
