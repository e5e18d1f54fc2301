"""One member: a module, its batches, and a plain loop that notices divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shareviz.training.engine.data import Stream, loss_of

WARM_UP = 20  # steps
PATIENCE = 20  # steps of a loss above BLOWN × the first before a member counts as diverged
BLOWN = 3.0
_POINTS = 100  # at most, in a curve
_LEAST_GAP = 10  # steps between its points


class Stopped(Exception):
    """The person asked for an end."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How one member is trained: see `Recipe`."""

    steps: int
    lr: float
    clip: float | None
    loss: str


@dataclass(frozen=True, slots=True)
class Reporter:
    """Where a member's events go, with what stands in each of them, and whether to go on."""

    who: Mapping[str, Any]
    emit: Callable[[Mapping[str, Any]], None]
    should_stop: Callable[[], bool]

    def tell(self, event: str, step: int, **more: Any) -> None:
        self.emit({"event": event, **self.who, "step": step, **more})


@dataclass(frozen=True, slots=True)
class Trained:
    """How it ended: the step at which it diverged, or None."""

    diverged: int | None


def train(module: nn.Module, stream: Stream, fit: Fit, report: Reporter) -> Trained:
    """Train a module in place for a fixed number of steps; no early stopping, except on divergence.

    Raises:
        Stopped: The reporter said so.
    """
    module.train()
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer, watch, losses = adam(parameters, fit.lr), Watch(), list[float]()
    gap = max(_LEAST_GAP, fit.steps // _POINTS)
    for step in range(fit.steps):
        if report.should_stop():
            raise Stopped
        optimizer.param_groups[0]["lr"] = fit.lr * schedule(step, fit.steps)
        losses.append(_step(module, parameters, optimizer, (stream.step(step), fit, watch)))
        why = watch.why
        if why or (step + 1) % gap == 0 or step + 1 == fit.steps:
            mean = math.fsum(losses) / len(losses) if all(map(math.isfinite, losses)) else None
            report.tell("progress", step + 1, loss=mean)
            losses.clear()
        if why:
            report.tell("diverged", step + 1, why=why)
            return Trained(step + 1)
    return Trained(None)


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


def adam(parameters: list[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Return Adam, fused where torch has it for these parameters."""
    plain = {(parameter.device.type, parameter.dtype) for parameter in parameters}
    fused = all(kind in ("cpu", "cuda") and dtype.is_floating_point for kind, dtype in plain)
    return torch.optim.Adam(parameters, lr=lr, fused=fused)


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


def _step(
    module: nn.Module,
    parameters: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    now: tuple[tuple[torch.Tensor, torch.Tensor], Fit, Watch],
) -> float:
    (inputs, targets), fit, watch = now
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(module(inputs), targets, fit.loss)
    loss.backward()  # type: ignore[no-untyped-call]
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    value = loss.item()
    watch.see(value, nn.utils.get_total_norm(grads).item())
    if not watch.why:
        if fit.clip is not None:
            nn.utils.clip_grad_value_(parameters, fit.clip)
        optimizer.step()
    return value
