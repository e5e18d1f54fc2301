"""Stacks in names, rows of layers, and the way back to a plan."""

from __future__ import annotations

import time

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from shareviz.capture import capture
from shareviz.errors import PlanError
from shareviz.layers import passes, sharing_map, stacks, table_plan
from shareviz.snapshot import Region, Snapshot, Tensor
from shareviz.trace import traced

IDS = torch.zeros(1, 8, dtype=torch.long)


def blocks(count: int) -> nn.Module:
    return nn.ModuleList(
        nn.ModuleDict({"attention": nn.Linear(4, 4), "norm": nn.LayerNorm(4)}) for _ in range(count)
    )


def test_repeated_blocks_are_one_stack() -> None:
    (stack,) = stacks(capture(nn.ModuleDict({"blocks": blocks(3)})))
    assert (stack.prefix, stack.layers) == ("blocks", (0, 1, 2))
    assert stack.columns == ("attention.weight", "attention.bias", "norm.weight", "norm.bias")
    assert stack.cells[1][0] == "blocks.1.attention.weight"


def test_the_own_map_of_a_model_needs_no_rewrites() -> None:
    seen = capture(nn.ModuleDict({"blocks": blocks(3)}))
    (stack,) = stacks(seen)
    assert table_plan(seen, stack, sharing_map(seen, stack).rows).rewrites == ()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_map_to_plan_to_map_is_the_identity(data: st.DataObject) -> None:
    seen = capture(nn.ModuleDict({"blocks": blocks(4)}))
    rows = st.lists(st.integers(0, 3), min_size=4, max_size=4)
    for _ in range(2):  # from the unshared model, and from a shared one to another
        (stack,) = stacks(seen)
        wanted = [data.draw(rows) for _ in stack.columns]
        seen = table_plan(seen, stack, wanted).apply(seen)
        (after,) = stacks(seen)
        found = sharing_map(seen, after).rows
        assert found == tuple(tuple(row.index(value) for value in row) for row in wanted)


def test_a_module_at_several_numbers_fills_each_of_them() -> None:
    layer = nn.ModuleDict({"a": nn.Linear(2, 2)})
    seen = capture(nn.ModuleDict({"blocks": nn.ModuleList([layer] * 6)}))
    (stack,) = stacks(seen)
    assert stack.layers == (0, 1, 2, 3, 4, 5)
    assert sharing_map(seen, stack).rows == ((0,) * 6, (0,) * 6)


def test_two_stacks_of_one_model_are_found_apart() -> None:
    with torch.device("meta"):
        model = transformers.T5ForConditionalGeneration(transformers.T5Config(num_layers=3))
    assert [stack.prefix for stack in stacks(capture(model))] == ["encoder.block", "decoder.block"]


def test_one_prefix_can_hold_two_stacks() -> None:
    members = [nn.ModuleDict({"mix": nn.Linear(3, 3)}), nn.ModuleDict({"attention": nn.Linear(2, 2)})]
    seen = capture(nn.ModuleList(nn.ModuleDict(dict(members[i % 2])) for i in range(6)))
    assert {stack.layers for stack in stacks(seen)} == {(0, 2, 4), (1, 3, 5)}


def test_a_block_that_is_called_again_and_again_is_a_stack_of_one() -> None:
    config = transformers.AlbertConfig(num_hidden_layers=5, hidden_size=16, num_attention_heads=2)
    with torch.device("meta"):
        seen = traced(transformers.AlbertModel(config), IDS)
    (stack,) = stacks(seen)
    assert stack.layers == (0,) and passes(seen, stack) == (0,) * 5


def test_a_table_of_the_wrong_size_is_refused() -> None:
    seen = capture(nn.ModuleDict({"blocks": blocks(3)}))
    (stack,) = stacks(seen)
    with pytest.raises(PlanError, match="4 columns of 3 layers"):
        table_plan(seen, stack, [[0, 0, 0]])


def test_fifty_thousand_tensors_are_searched_within_seconds() -> None:
    names = [f"blocks.{layer}.part{part}.weight" for layer in range(1000) for part in range(50)]
    tensors = tuple(
        Tensor(name, name.rpartition(".")[0], (2, 2), "float32", Region(number, 0, (2, 1)))
        for number, name in enumerate(names)
    )
    started = time.process_time()
    (stack,) = stacks(Snapshot(tensors, storages=(16,) * len(names)))
    assert len(stack.layers) == 1000
    assert time.process_time() - started < 20  # a guard against a quadratic search, which took minutes


def test_as_many_kinds_of_members_as_members_are_searched_within_seconds() -> None:
    slots = tuple(
        Tensor(f"l.{n}.w{n}", f"l.{n}", (4, n + 1), "float32", Region(n, 0, (n + 1, 1)))
        for n in range(20_000)
    )
    alike = tuple(
        Tensor(f"l.{20_000 + n}.w", "", (4,), "float32", Region(20_000 + n, 0, (1,))) for n in range(2)
    )
    (stack,) = stacks(Snapshot((*slots, *alike), storages=(0,) * 20_002))
    assert stack.layers == (20_000, 20_001)
