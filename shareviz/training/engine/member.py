"""One member trained by itself, the plain way, and what every way has in common: Adam, rate, watch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shareviz.training.engine.data import Stream, loss_of

WARM_UP = 20  # steps
PATIENCE = 20  # steps of a loss above BLOWN × the first before a member counts as diverged
BLOWN = 3.0
_FUSED = ("cpu", "cuda", "mps")


class Stopped(Exception):
    """The person asked for an end."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How members are trained: see `Recipe`. `rates` has one for each member."""

    steps: int
    rates: tuple[float, ...]
    clip: float | None
    loss: str


@dataclass(frozen=True, slots=True)
class Reporter:
    """Where a member's events go, with what stands in each of them, and whether to go on."""

    who: Mapping[str, Any]
    emit: Callable[[Mapping[str, Any]], None]
    should_stop: Callable[[], bool]

    def tell(self, event: str, **more: Any) -> None:
        self.emit({"event": event, **self.who, **more})


class Single:
    """A module, its batches and its optimizer: one member."""

    def __init__(self, module: nn.Module, stream: Stream, fit: Fit) -> None:
        self._module, self._stream, self._fit = module.train(), stream, fit
        self._parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._adam = adam([{"params": self._parameters, "lr": fit.rates[0]}])

    def step(self, step: int) -> tuple[Tensor, Tensor]:
        """Train a step and return the loss before it and the norm of its gradient, (1,) each."""
        inputs, targets = self._stream.step(step)
        self._adam.zero_grad(set_to_none=True)
        loss = loss_of(self._module(inputs), targets, self._fit.loss)
        loss.backward()  # type: ignore[no-untyped-call]
        grads = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm(grads)
        if self._fit.clip is not None:
            nn.utils.clip_grad_value_(self._parameters, self._fit.clip)
        set_rates(self._adam, self._fit, step)
        self._adam.step()
        return loss.detach().reshape(1), norm.reshape(1)


def schedule(step: int, steps: int) -> float:
    """Return the factor of the rate: a linear warm-up, then a cosine to zero.

    Example:
        >>> schedule(0, 400), schedule(19, 400), round(schedule(210, 400), 3)
        (0.05, 1.0, 0.498)
    """
    warm = min(WARM_UP, steps)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))


def adam(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return Adam on groups of parameters, fused where torch has it for them."""
    held = [parameter for group in groups for parameter in group["params"]]
    fused = all(p.device.type in _FUSED and p.dtype.is_floating_point for p in held)
    made = torch.optim.Adam(groups, fused=fused)
    for group in made.param_groups:
        group["whole"] = group["lr"]
    return made


def set_rates(optimizer: torch.optim.Optimizer, fit: Fit, step: int) -> None:
    """Give each group of an optimizer from `adam` its rate of a step."""
    for group in optimizer.param_groups:
        group["lr"] = group["whole"] * schedule(step, fit.steps)


class Watch:
    """Notices a member that diverged; `why` is "" as long as it has not."""

    def __init__(self) -> None:
        self.why = ""
        self._first: float | None = None
        self._high = 0

    def see(self, loss: float, norm: float) -> None:
        """Take the loss and the gradient norm of one step."""
        first = self._first = loss if self._first is None else self._first
        self._high = self._high + 1 if loss > BLOWN * first else 0
        # the gradient too: a fused attention kernel can hide a NaN from the loss
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self.why = "The loss or its gradient is not finite."
        elif self._high >= PATIENCE:
            self.why = f"The loss stayed above {BLOWN:g} times its first value for {PATIENCE} steps."
