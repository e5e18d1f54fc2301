"""A plan on a live module: values, gradients, starts, refusals; the laws have a file of their own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from shareviz.capture import capture
from shareviz.errors import PlanError
from shareviz.forms import Factor, LowRank, Rows
from shareviz.models import build, inputs_of
from shareviz.plan import Plan, Rewrite, own, tie
from shareviz.realize import bake, realize

TEXT = "language_model?layers=3&width=16&heads=2&vocab=11&context=9"


def model(seed: int = 0) -> nn.Module:
    return build(TEXT, device="cpu", seed=seed)


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


HEAD = tie("head.weight", "tok_emb.weight")
Q = "blocks.{}.attention.q.weight"


def test_a_tie_is_one_parameter_with_the_owners_values() -> None:
    before = model()
    after = realize(Plan((HEAD,)), before)
    assert after.head.weight is after.tok_emb.weight
    assert torch.equal(after.head.weight, before.tok_emb.weight)


def test_the_original_is_not_changed() -> None:
    before = model()
    values, seen = weights(before), capture(before)
    forms = Rewrite(Q.format(1), Rows((0, 0))), Rewrite(Q.format(2), LowRank(2), (("base", Q.format(0)),))
    after = realize(Plan((HEAD, *forms)), before)
    with torch.no_grad():
        for parameter in after.parameters():
            parameter.add_(1)
    assert same(weights(before), values)
    assert capture(before) == seen


def test_a_name_untied_keeps_its_values_and_moves_alone() -> None:
    tied = realize(Plan((HEAD,)), model())
    apart = realize(Plan((own("head.weight"),)), tied)
    assert torch.equal(apart.head.weight, apart.tok_emb.weight)
    with torch.no_grad():
        apart.head.weight.zero_()
    assert apart.tok_emb.weight.any()


def test_the_gradient_of_a_tied_weight_is_the_sum_over_its_names() -> None:
    names = [Q.format(layer) for layer in range(3)]
    tied = realize(Plan(tuple(tie(name, names[0]) for name in names[1:])), model())
    apart = realize(Plan(tuple(own(name) for name in names)), tied)
    tokens = inputs_of(TEXT, device="cpu")
    for module in (tied, apart):
        (module(*tokens) ** 2).sum().backward()
    parts = [apart.get_parameter(name).grad for name in names]
    total = tied.get_parameter(names[0]).grad
    assert total is not None
    torch.testing.assert_close(total, parts[0] + parts[1] + parts[2])
    assert all(part is not None and part.abs().sum() > 0 for part in parts)


def test_the_gradient_of_a_stored_row_is_the_sum_over_its_blocks() -> None:
    module = model()
    name = Q.format(0)
    shared = realize(Plan((Rewrite(name, Rows((0, 1, 0, 0))),)), module)
    stored = shared.blocks[0].attention.q.parametrizations.weight.original
    baked = bake(shared)
    tokens = inputs_of(TEXT, device="cpu")
    for each in (shared, baked):
        (each(*tokens) ** 2).sum().backward()
    whole = baked.get_parameter(name).grad
    assert whole is not None
    blocks = whole.chunk(4)
    torch.testing.assert_close(stored.grad, torch.cat([blocks[0] + blocks[2] + blocks[3], blocks[1]]))


def test_a_shared_piece_learns_from_every_layer_that_reads_it() -> None:
    forms = [Rewrite(Q.format(layer), Factor(2), (("right", Q.format(0)),)) for layer in (1, 2)]
    module = realize(Plan((Rewrite(Q.format(0), Factor(2)), *forms)), model())
    rights = [module.blocks[n].attention.q.parametrizations.weight[0].right for n in range(3)]
    assert rights[0] is rights[1] is rights[2]
    module(*inputs_of(TEXT, device="cpu")).sum().backward()
    assert rights[0].grad is not None and rights[0].grad.any()


def test_a_low_rank_start_computes_what_the_tie_computes() -> None:
    names = [Q.format(layer) for layer in range(3)]
    tied = realize(Plan(tuple(tie(name, names[0]) for name in names[1:])), model())
    bases = tuple(Rewrite(name, LowRank(2), (("base", names[0]),)) for name in names[1:])
    relaxed = realize(Plan(bases), model())
    tokens = inputs_of(TEXT, device="cpu")
    torch.testing.assert_close(relaxed(*tokens), tied(*tokens))


def test_fresh_pieces_follow_from_the_seed_and_the_name_alone() -> None:
    form = Rewrite(Q.format(1), Factor(2))
    more = Rewrite(Q.format(2), Factor(2))
    first = weights(realize(Plan((form,)), model(), seed=3))
    again = weights(realize(Plan((more, form)), model(), seed=3))
    other = weights(realize(Plan((form,)), model(), seed=4))
    key = "blocks.1.attention.q.parametrizations.weight.original"
    assert torch.equal(first[key], again[key])
    assert not torch.equal(first[key], other[key])
    left, right = (
        nn.functional.normalize(again[name].flatten(), dim=0) for name in (key, key.replace(".1.", ".2."))
    )
    assert left @ right < 0.9  # not one draw at two scales


def test_the_global_generator_is_left_alone() -> None:
    state = torch.random.get_rng_state()
    realize(Plan((Rewrite(Q.format(1), Factor(2)),)), model())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_form_keeps_a_frozen_weight_frozen_and_its_dtype() -> None:
    module = model().double()
    module.get_parameter(Q.format(1)).requires_grad_(False)
    shared = realize(Plan((Rewrite(Q.format(1), Factor(2)),)), module)
    pieces = [value for name, value in shared.named_parameters() if "parametrizations" in name]
    assert {(piece.dtype, piece.requires_grad) for piece in pieces} == {(torch.float64, False)}


def test_training_a_realized_module_keeps_its_ties() -> None:
    module = realize(Plan((HEAD, Rewrite(Q.format(1), Rows((0, 0))))), model())
    seen = capture(module)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    before = weights(module)
    for _ in range(2):
        optimizer.zero_grad()
        module(*inputs_of(TEXT, device="cpu")).square().mean().backward()
        optimizer.step()
    assert capture(module) == seen
    after = weights(module)
    assert torch.equal(after["head.weight"], after["tok_emb.weight"])
    assert not same(before, after)


def test_a_state_dict_of_a_realized_module_loads_into_another_and_the_tie_stays() -> None:
    plan = Plan((HEAD, Rewrite(Q.format(1), Rows((0, 0)))))
    first, second = realize(plan, model()), realize(plan, model(seed=5))
    second.load_state_dict(weights(first))
    assert second.head.weight is second.tok_emb.weight
    tokens = inputs_of(TEXT, device="cpu")
    assert torch.equal(first(*tokens), second(*tokens))


def test_a_baked_module_loads_into_the_original_class() -> None:
    forms = tuple(Rewrite(Q.format(layer), Rows((0, 0))) for layer in range(3))
    shared = realize(Plan((HEAD, *forms)), model())
    baked = bake(shared)
    assert not capture(baked).derived
    assert baked.head.weight is baked.tok_emb.weight
    plain = model(seed=7)
    plain.load_state_dict(baked.state_dict())
    tokens = inputs_of(TEXT, device="cpu")
    torch.testing.assert_close(plain(*tokens), shared(*tokens))
    assert capture(shared).derived  # the realized one is as it was


def test_weights_of_the_same_pieces_stay_tied_when_baked() -> None:
    first = Rewrite(Q.format(0), Rows((0, 0)))
    second = Rewrite(Q.format(1), Rows((0, 0)), (("rows", Q.format(0)),))
    baked = bake(realize(Plan((first, second)), model()))
    assert baked.get_parameter(Q.format(0)) is baked.get_parameter(Q.format(1))


def test_a_foreign_parametrization_is_baked_too() -> None:
    module = nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 4)))
    x = torch.randn(2, 3)
    baked = bake(module)
    torch.testing.assert_close(baked(x), module(x))
    assert set(baked.state_dict()) == {"0.weight", "0.bias"}


def test_a_recurrent_layer_reads_a_tie() -> None:
    module = nn.LSTM(4, 4, num_layers=2)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    tied = realize(Plan(tuple(tie(f"{name}_l1", f"{name}_l0") for name in names)), module)
    x = torch.randn(5, 1, 4)
    one = nn.LSTM(4, 4)
    one.load_state_dict({f"{name}_l0": getattr(module, f"{name}_l0") for name in names})
    torch.testing.assert_close(tied(x)[0], one(one(x)[0])[0])


def test_a_fused_recurrent_layer_under_a_form_is_refused() -> None:
    module = nn.LSTM(4, 4)
    with pytest.raises(PlanError) as caught:
        realize(Plan((Rewrite("weight_hh_l0", LowRank(1)),)), module)
    assert "weight_hh_l0 is also kept in a list of its module" in caught.value.message
    assert "cells" in caught.value.hint


def test_a_weight_that_another_module_keeps_in_a_list_is_refused() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].also = [module[0].weight]
    with pytest.raises(PlanError, match="kept in a list"):
        realize(Plan((own("0.weight"),)), module)
    realize(Plan((own("1.weight"),)), module)  # nobody keeps that one


def test_a_plan_is_realized_below_torch_compile() -> None:
    module = torch.compile(model(), backend="eager")
    after = realize(Plan((HEAD,)), module)
    assert capture(after) == Plan((HEAD,)).apply(capture(module))


def test_a_parametrized_weight_is_not_formed_again() -> None:
    module = nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 3)))
    with pytest.raises(PlanError, match="already made of pieces"):
        realize(Plan((Rewrite("0.weight", LowRank(1)),)), module)
