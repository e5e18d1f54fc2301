"""What is drawn by a seed depends on the seed alone, whoever else draws meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

from shareviz.drawing import drawing
from shareviz.models import build

MODEL = "language_model?layers=2&width=32&heads=2&vocab=50&context=8"


def values(seed: int) -> torch.Tensor:
    module = build(MODEL, device="cpu", seed=seed)
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def test_two_visitors_who_build_at_once_get_their_own_values() -> None:
    seeds = [0, 1, 2, 3] * 12
    alone = {seed: values(seed) for seed in set(seeds)}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(values, seeds))
    assert all(torch.equal(found, alone[seed]) for seed, found in zip(seeds, together, strict=True))


def test_the_generator_goes_on_as_if_nothing_had_been_drawn() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with drawing(1):
        first = torch.rand(3)
        with drawing(1):
            assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(3), expected)
