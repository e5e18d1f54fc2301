"""A ring of cells: what a layer computes, how far it sees, and that no place is special."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from shareviz.models import build
from shareviz.nets.ring import RingBlock


def test_a_layer_is_a_linear_map_of_each_cell_with_its_neighbours() -> None:
    torch.manual_seed(0)
    block = RingBlock(4, 6, reach=1)
    x = torch.randn(2, 5, 4)
    y = block.norm(x)
    # an independent way: the three cells side by side, and the kernel as one matrix
    three = torch.stack([y.roll(1, 1), y, y.roll(-1, 1)], dim=-1).flatten(2)
    matrix = nn.utils.parameters_to_vector([block.conv.weight]).view(6, 12)
    expected = x + block.down(F.gelu(three @ matrix.T + block.conv.bias))
    torch.testing.assert_close(block(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("layers", "reach", "sees"), [(1, 1, 3), (3, 1, 7), (2, 2, 9)])
def test_a_cell_sees_as_far_as_depth_times_reach(layers: int, reach: int, sees: int) -> None:
    module = build(f"ring?layers={layers}&reach={reach}", device="cpu").eval()
    tokens = torch.zeros(1, 16, dtype=torch.long)
    other = tokens.clone()
    other[0, 0] = 1
    moved = (module(tokens) - module(other)).abs().amax(-1)[0] > 0
    assert moved.sum() == sees and moved[0]
    assert torch.equal(moved, moved.flip(0).roll(1))  # as far to the left as to the right


def test_turning_the_ring_turns_the_answer() -> None:
    module = build("ring?layers=3", device="cpu").eval()
    tokens = torch.arange(12)[None] % 5 % 2
    torch.testing.assert_close(module(tokens.roll(3, 1)), module(tokens).roll(3, 1))
