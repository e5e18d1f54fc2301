"""The devices that a run can train on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from shareviz.errors import OptionError

_TITLES = {"cpu": "CPU", "mps": "Apple GPU"}


def device_of(name: str) -> torch.device:
    """Return the device of a spec; "auto" is the CPU here, see `ways.fastest` for the choice.

    Raises:
        OptionError: A GPU was asked for and there is none.
    """
    if name not in ("auto", "cpu") and name not in gpus():
        kind = "CUDA" if name == "cuda" else "Apple GPU (MPS)"
        raise OptionError(f"There is no {kind} device here.", hint="Choose auto or cpu.")
    return torch.device("cpu" if name == "auto" else name)


def gpus() -> tuple[str, ...]:
    """Return the kinds of GPU that torch finds here."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return tuple(name for name, found in there.items() if found)


def title(device: torch.device) -> str:
    """Return a device's name for people."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return _TITLES.get(device.type, device.type)


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Choose operators that give equal bits each time, where a device has others; the CPU has none here."""
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    if device.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def wait(device: torch.device) -> None:
    """Return when all work that was given to a device is done; only a clock needs this."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
