"""A live module as data: tree, slots, buffers, derived weights; identity has a file of its own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from shareviz.capture import capture
from shareviz.snapshot import Kind, Region


def test_slots_and_modules_come_in_definition_order() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    seen = capture(module)
    assert [slot.name for slot in seen.tensors] == list(module.state_dict())
    assert [(m.path, m.cls) for m in seen.modules] == [
        ("", "Sequential"),
        ("0", "Linear"),
        ("1", "BatchNorm1d"),
    ]


def test_a_slot_says_shape_dtype_kind_and_whether_it_is_trained() -> None:
    module = nn.BatchNorm1d(3).half()
    module.weight.requires_grad_(False)
    seen = capture(module).by_name
    weight, mean, batches = (seen[name] for name in ("weight", "running_mean", "num_batches_tracked"))
    assert (weight.kind, weight.dtype, weight.shape, weight.trainable) == (
        Kind.PARAMETER,
        "float16",
        (3,),
        False,
    )
    assert seen["bias"].trainable is True
    assert (mean.kind, mean.trainable, mean.persistent) == (Kind.BUFFER, False, True)
    assert (batches.dtype, batches.shape, batches.nbytes) == ("int64", (), 8)


def test_a_transient_buffer_is_not_persistent() -> None:
    module = nn.Module()
    module.register_buffer("mask", torch.ones(2), persistent=False)
    assert not capture(module).by_name["mask"].persistent


def test_an_offset_is_in_bytes_and_a_stride_in_elements() -> None:
    module = nn.Module()
    module.w = nn.Parameter(torch.zeros(4, 6, dtype=torch.float64)[1:, ::2])
    seen = capture(module)
    assert seen.by_name["w"].region == Region(0, 6 * 8, (6, 2))
    assert seen.storages == (4 * 6 * 8,)


def test_two_captures_are_equal_and_neither_changes_the_module() -> None:
    module = nn.Sequential(parametrizations.spectral_norm(nn.Linear(3, 3)), nn.LSTM(3, 3))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    assert capture(module) == capture(module)
    after = module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert module.training


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_objects_and_storages_are_numbered_by_first_appearance(which: list[int]) -> None:
    pool = [nn.Parameter(torch.zeros(2)) for _ in range(5)]
    module = nn.ParameterDict({f"p{at}": pool[number] for at, number in enumerate(which)})
    seen = capture(module)
    order = list(dict.fromkeys(which))
    wanted = [order.index(number) for number in which]
    assert [slot.object for slot in seen.tensors] == wanted
    assert [slot.region.storage for slot in seen.tensors if slot.region] == wanted


def test_head_counts_become_facts() -> None:
    module = nn.MultiheadAttention(8, 2)
    assert dict(capture(module).by_path[""].facts) == {"heads": 2, "head_dim": 4}


def test_an_alias_of_the_root_module_is_named_by_its_path() -> None:
    root = nn.Module()
    inner = nn.Linear(2, 2)
    root.a, root.b = nn.ModuleDict({"x": inner}), inner
    seen = capture(root)
    assert seen.names_of(seen.by_name["a.x.weight"]) == ("a.x.weight", "b.weight")


def test_a_parametrized_weight_is_derived_and_its_plumbing_folded() -> None:
    module = nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 4)))
    seen = capture(module)
    (weight,) = seen.derived
    assert (weight.name, weight.module, weight.shape, weight.form) == (
        "0.weight",
        "0",
        (4, 3),
        "WeightNorm",
    )
    assert [(m.path, m.cls) for m in seen.modules] == [("", "Sequential"), ("0", "Linear")]
    assert {slot.module for slot in seen.tensors} == {"0"}


def test_two_parametrizations_of_one_weight_are_named_in_order() -> None:
    class Double(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, x])

    module = nn.Linear(2, 2)
    parametrize.register_parametrization(module, "weight", Double(), unsafe=True)
    parametrize.register_parametrization(module, "weight", Double(), unsafe=True)
    (weight,) = capture(module).derived
    assert (weight.form, weight.shape) == ("Double + Double", (8, 2))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_older_hooks_are_seen_too() -> None:
    module = nn.ModuleDict(
        {
            "p": prune.random_unstructured(nn.Linear(3, 3), "weight", 0.5),
            "w": nn.utils.weight_norm(nn.Linear(3, 3)),
            "s": nn.utils.spectral_norm(nn.Linear(3, 3)),
        }
    )
    forms = {weight.name: (weight.form, weight.reads) for weight in capture(module).derived}
    assert forms == {
        "p.weight": ("pruned", ("p.weight_orig", "p.weight_mask")),
        "w.weight": ("weight_norm", ("w.weight_g", "w.weight_v")),
        "s.weight": ("spectral_norm", ("s.weight_orig",)),
    }


def test_a_lazy_slot_has_no_shape_yet() -> None:
    slot = capture(nn.LazyLinear(3)).by_name["weight"]
    assert (slot.shape, slot.region) == ((), None)


def test_a_title_is_the_class_or_what_is_given() -> None:
    assert capture(nn.Linear(1, 1)).source.title == "Linear"
    assert capture(nn.Linear(1, 1), title="mine").source.title == "mine"
