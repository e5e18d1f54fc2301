"""Members of one version trained together: a bank, the batches of each seed, an Adam for each rate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shareviz.clone import clone
from shareviz.training.engine.banked import Banked
from shareviz.training.engine.data import Stream
from shareviz.training.engine.member import Fit, adam, set_rates


class Together:
    """A bank of members, each with its own batches and rate.

    One member alone gets a copy beside it: torch multiplies a batch of one matrix by another kernel,
    and so its bits are those that it has among others.

    Raises:
        Refused: They cannot be trained together; nothing was trained.
    """

    def __init__(self, modules: Sequence[nn.Module], streams: Sequence[Stream], fit: Fit) -> None:
        self._asked = len(modules)
        spare = 1 if self._asked == 1 else 0
        members = [*modules, *(clone(module) for module in modules[:spare])]
        for module in members:
            module.train()
        self._streams, self._fit = (*streams, *streams[:spare]), fit
        self.bank = Banked(members, fit.loss)
        self.bank.record(*self._batch(0))
        self._rows = self.bank.rows()
        by_rate: dict[float, list[Tensor]] = {}
        for rate, row in zip((*fit.rates, *fit.rates[:spare]), self._rows, strict=True):
            by_rate.setdefault(rate, []).append(row)
        self._adam = adam([{"params": rows, "lr": rate} for rate, rows in by_rate.items()])

    def step(self, step: int) -> tuple[Tensor, Tensor]:
        """Train a step and return the losses before it and the norms of their gradients, (members,)."""
        losses, norms = self.bank.step(*self._batch(step))
        grads = self.bank.grads
        assert grads is not None
        if self._fit.clip is not None:
            grads.clamp_(-self._fit.clip, self._fit.clip)
        for row, grad in zip(self._rows, grads.unbind(0), strict=True):
            row.grad = grad
        set_rates(self._adam, self._fit, step)
        self._adam.step()
        return losses[: self._asked], norms[: self._asked]

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        pairs = [stream.step(step) for stream in self._streams]
        inputs, targets = zip(*pairs, strict=True)
        return torch.stack(inputs), torch.stack(targets)
