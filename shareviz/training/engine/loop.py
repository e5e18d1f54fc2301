"""The loop over steps: one for every way of training, on every device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from shareviz.training.engine.member import Reporter, Stopped, Watch

_POINTS = 100  # at most, in a curve
_LEAST_GAP = 10  # steps between its points


class Trainer(Protocol):
    """Some members in training."""

    def step(self, step: int) -> tuple[Tensor, Tensor]:
        """Train a step; return each member's loss before it and gradient norm, still on the device."""
        ...


def train(trainer: Trainer, steps: int, reports: Sequence[Reporter]) -> list[int | None]:
    """Train for a fixed number of steps and return at which step each member diverged, or None.

    There is no early stopping but for divergence, and that of one member leaves the others alone.
    Numbers are read from the device in batches, so a member that diverged may be trained for a few
    more steps; which step it was, and all that is told, do not depend on that.

    Raises:
        Stopped: A reporter said so.
    """
    curves = [Curve(report, steps) for report in reports]
    waiting: list[Tensor] = []
    for step in range(steps):
        if reports[0].should_stop():
            raise Stopped
        read = torch.stack(trainer.step(step))  # (2, members)
        waiting.append(read)
        if len(waiting) < every(read.device) and step + 1 < steps:
            continue
        for losses, norms in torch.stack(waiting).tolist():
            for curve, loss, norm in zip(curves, losses, norms, strict=True):
                curve.see(loss, norm)
        waiting.clear()
        if all(curve.diverged is not None for curve in curves):
            break
    return [curve.diverged for curve in curves]


def every(device: torch.device) -> int:
    """Return after how many steps losses are read: below PATIENCE where the device must be waited for."""
    return 1 if device.type == "cpu" else 10


class Curve:
    """Follows one member: tells its curve point by point, and its divergence."""

    def __init__(self, report: Reporter, steps: int) -> None:
        self.diverged: int | None = None
        self._report, self._steps = report, steps
        self._gap = max(_LEAST_GAP, steps // _POINTS)
        self._watch, self._step = Watch(), 0
        self._losses: list[float] = []

    def see(self, loss: float, norm: float) -> None:
        """Take the loss and the gradient norm of the next step; nothing counts after divergence."""
        if self.diverged is not None:
            return
        self._step += 1
        self._losses.append(loss)
        self._watch.see(loss, norm)
        if self._watch.why or self._step % self._gap == 0 or self._step == self._steps:
            finite = all(map(math.isfinite, self._losses))
            mean = math.fsum(self._losses) / len(self._losses) if finite else None
            self._report.tell("progress", step=self._step, loss=mean)
            self._losses.clear()
        if self._watch.why:
            self.diverged = self._step
            self._report.tell("diverged", step=self._step, why=self._watch.why)
