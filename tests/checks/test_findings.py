"""Each check finds its own fault on a live module, and its repair, pasted, removes the finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from shareviz.capture import capture
from shareviz.checks import Finding, Level, check
from shareviz.forms import LowRank
from shareviz.plan import Plan, Rewrite
from shareviz.realize import realize
from shareviz.trace import traced
from tests.checks.toys import Block, Chain, Loop, Spare, Tied, rows, tokens


def found(module: nn.Module, *inputs: Tensor) -> tuple[Finding, ...]:
    return check(traced(module, *inputs) if inputs else capture(module))


def of(name: str, module: nn.Module, *inputs: Tensor) -> tuple[Finding, ...]:
    return tuple(finding for finding in found(module, *inputs) if finding.check == name)


def spectral() -> nn.Module:
    model = Tied()
    parametrizations.spectral_norm(model.head)
    return model


def weight_normed() -> nn.Module:
    model = Tied()
    parametrizations.weight_norm(model.head)
    return model


def pruned() -> nn.Module:
    model = Tied()
    prune.l1_unstructured(model.head, "weight", amount=0.3)
    return model


def old_spectral() -> nn.Module:
    model = Tied()
    torch.nn.utils.spectral_norm(model.head)
    return model


def twice() -> nn.Module:
    model = Tied()
    model.head.weight = nn.Parameter(model.emb.weight.data)
    return model


def overlapping() -> nn.Module:
    model = Tied()
    model.mix.weight = nn.Parameter(model.emb.weight.data[:4])
    return model


BROKEN = [
    ("half_tied", spectral, tokens),
    ("half_tied", weight_normed, tokens),
    ("half_tied", pruned, tokens),
    ("half_tied", old_spectral, tokens),
    ("two_parameters", twice, tokens),
    ("partial", overlapping, tokens),
    ("accidental", lambda: Chain([Block()] * 6), rows),
    ("accidental", lambda: nn.Sequential(*[nn.Linear(4, 4), nn.ReLU()] * 3), rows),
    ("batchnorm", lambda: Chain([Block(norm=True)] * 3), rows),
    ("never_read", Spare, rows),
]


@pytest.mark.parametrize(("name", "make", "inputs"), BROKEN)
def test_a_pasted_fix_removes_the_finding(
    name: str, make: Callable[[], nn.Module], inputs: Callable[[], Tensor]
) -> None:
    model = make()
    (finding,) = of(name, model, inputs())
    assert finding.level is not Level.OK
    assert finding.evidence
    exec(finding.fix, {"model": model, "nn": nn})
    left = of(name, model, inputs())
    if name == "never_read":  # frozen, and still stored: the fix says so
        assert not model.spare.weight.requires_grad
    else:
        assert not left


def test_a_fixed_model_still_runs_and_still_shares_what_the_tie_meant() -> None:
    for make in (spectral, pruned, old_spectral, weight_normed, twice):
        model = make()
        exec(found(model, tokens())[0].fix, {"model": model})
        assert model.head.weight is model.emb.weight
        assert model(tokens()).shape == (1, 3, 10)


def test_statistics_part_and_weights_stay_shared_after_the_batchnorm_fix() -> None:
    model = Chain([Block(norm=True)] * 3)
    exec(of("batchnorm", model, rows())[0].fix, {"model": model})
    first, second, _ = model.blocks
    assert first.lin.weight is second.lin.weight
    assert first.bn.running_mean is not second.bn.running_mean


def test_a_list_of_one_object_is_a_note_that_counts_its_layers() -> None:
    (finding,) = of("accidental", Chain([Block()] * 6), rows())
    assert finding.level is Level.NOTE
    assert finding.title == "6 layers use one object"
    assert finding.evidence == "model.blocks[0] is model.blocks[1]"
    assert finding.names == ("blocks.0.lin.weight", "blocks.0.lin.bias")


def test_more_layers_than_listed_aliases_are_counted_exactly() -> None:
    (finding,) = of("accidental", Chain([Block()] * 96))
    assert finding.title == "96 layers use one object"


def test_two_alternating_objects_are_one_note() -> None:
    (finding,) = of("accidental", Chain([Block(), Block()] * 3), rows())
    assert finding.title == "6 layers use 2 objects"


def test_a_block_with_one_name_that_is_called_again_is_in_order() -> None:
    (finding,) = of("accidental", Loop(12), rows())
    assert finding.level is Level.OK
    assert "12" in finding.what


def test_reused_activations_and_dropout_are_not_mentioned() -> None:
    act, drop = nn.ReLU(), nn.Dropout()
    layers = [nn.Linear(4, 4), act, drop, nn.Linear(4, 4), act, drop]
    assert found(nn.Sequential(*layers), rows()) == ()


def test_a_token_table_reached_by_two_paths_is_not_called_accidental() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Embedding(10, 4)
            self.encoder = nn.ModuleDict({"embed_tokens": self.shared})

    assert of("accidental", Two()) == ()


def test_a_module_under_two_names_is_named_with_both() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query = Block()
            self.passage = self.query

    (finding,) = of("accidental", Two())
    assert "query, passage" in finding.what
    model = Two()
    exec(finding.fix, {"model": model})
    assert of("accidental", model) == ()


def test_layers_of_their_own_raise_nothing() -> None:
    assert found(Chain([Block(norm=True) for _ in range(3)]), rows()) == ()


def test_shared_statistics_of_a_list_are_a_problem() -> None:
    (finding,) = of("batchnorm", Chain([Block(norm=True)] * 3), rows())
    assert finding.level is Level.PROBLEM
    assert finding.title == "3 places share running statistics"


def test_a_norm_that_is_called_three_times_is_a_note() -> None:
    (finding,) = of("batchnorm", Loop(3, norm=True), rows())
    assert finding.level is Level.NOTE
    assert "called 3 times" in finding.title


def test_tied_statistics_of_two_norms_are_a_problem() -> None:
    model = Chain([Block(norm=True), Block(norm=True)])
    model.blocks[1].bn.running_mean = model.blocks[0].bn.running_mean
    (finding,) = of("batchnorm", model)
    assert finding.level is Level.PROBLEM
    exec(finding.fix, {"model": model})
    assert of("batchnorm", model) == ()


def test_a_half_tie_names_both_sides_and_the_form() -> None:
    (finding,) = of("half_tied", spectral(), tokens())
    assert finding.level is Level.PROBLEM
    assert finding.names == ("head.weight", "emb.weight")
    assert "SpectralNorm" in finding.what


def test_a_weight_that_is_pruned_on_both_sides_alike_is_not_half_tied() -> None:
    model = Tied(tie=False)
    prune.l1_unstructured(model.head, "weight", amount=0.3)
    assert of("half_tied", model) == ()


def test_a_low_rank_relaxation_of_a_plan_is_meant() -> None:
    model = Chain([Block(), Block()])
    relaxed = Rewrite("blocks.1.lin.weight", LowRank(2), (("base", "blocks.0.lin.weight"),))
    assert of("half_tied", realize(Plan((relaxed,)), model)) == ()


def test_an_adapter_on_one_side_of_a_tie_is_a_note() -> None:
    class Adapted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(10, 4)
            self.head = nn.Module()
            self.head.base_layer = nn.Linear(4, 10, bias=False)
            self.head.base_layer.weight = self.emb.weight
            self.head.lora_A = nn.ModuleDict({"default": nn.Linear(4, 2, bias=False)})

    model = Adapted()
    (finding,) = of("half_tied", model)
    assert finding.level is Level.NOTE
    exec(finding.fix, {"model": model, "torch": torch})
    assert of("half_tied", model) == ()


def test_two_parameters_on_one_storage_step_twice_in_adam_as_the_finding_says() -> None:
    model = twice()
    (finding,) = of("two_parameters", model, tokens())
    assert finding.level is Level.PROBLEM
    entries = torch.optim.Adam(model.parameters()).param_groups[0]["params"]
    assert sum(entry.data_ptr() == model.emb.weight.data_ptr() for entry in entries) == 2


def test_frozen_parameters_on_one_storage_are_a_note() -> None:
    (finding,) = of("two_parameters", twice().requires_grad_(False))
    assert finding.level is Level.NOTE


def test_a_transposed_second_parameter_gets_a_repair_of_its_own() -> None:
    model = nn.Module()
    model.a = nn.Linear(4, 6, bias=False)
    model.b = nn.Linear(6, 4, bias=False)
    model.b.weight = nn.Parameter(model.a.weight.data.t())
    (finding,) = of("two_parameters", model)
    assert "transposed" in finding.evidence
    assert ".t()" in finding.fix
    exec(finding.fix, {"model": model})
    assert of("two_parameters", model) == ()


def test_an_overlap_counts_the_common_elements() -> None:
    (finding,) = of("partial", overlapping(), tokens())
    assert "16 elements in common" in finding.what  # 4 rows of 4
    assert finding.level is Level.PROBLEM


def test_two_halves_of_one_storage_do_not_overlap() -> None:
    model = nn.Module()
    whole = torch.zeros(12)
    model.a, model.b = nn.Parameter(whole[:6]), nn.Parameter(whole[6:])
    assert found(model) == ()


def test_a_layer_that_never_runs_is_named_with_what_it_stores() -> None:
    (finding,) = of("never_read", Spare(), rows())
    assert finding.names == ("spare.weight", "spare.bias")
    assert finding.saves == 4 * 7 + 7


def test_without_a_trace_nothing_is_called_unread() -> None:
    assert of("never_read", Spare()) == ()


def test_a_name_whose_elements_are_read_under_another_is_not_unread() -> None:
    model = Tied()
    model.shared = nn.Embedding(10, 4)  # as in T5: a table that only names the others
    model.shared.weight = model.emb.weight
    assert of("never_read", model, tokens()) == ()


def test_a_tie_by_one_parameter_raises_nothing() -> None:
    assert found(Tied(), tokens()) == ()
