"""Numbers drawn from torch's own generator by a seed, by one thread at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_ALONE = RLock()  # torch has one generator for all threads: two that draw would mix


@contextmanager
def drawing(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Let what draws in this block, such as a layer's initial values or dropout, draw by a seed alone.

    Other threads that want the same wait; torch's generators go on afterwards as before.

    Args:
        device: Where the block draws beside the CPU; None: nowhere.
    """
    import torch

    gpu = device is not None and device.type != "cpu"
    with _ALONE, torch.random.fork_rng([device] if device is not None and device.type == "cuda" else []):
        if gpu:
            torch.manual_seed(seed)
        else:
            torch.default_generator.manual_seed(seed)  # alone: the others start no GPU
        yield
