"""Batches as tensors, the loss, and the metric on each set."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shareviz.training.tasks import Batch, Task
from shareviz.training.tasks._base import IGNORED


class Stream:
    """The batches of one seed, made on the CPU once and moved: all versions of the seed read them."""

    def __init__(self, task: Task, seed: int, device: torch.device) -> None:
        self.seed = seed
        self._task, self._device = task, device
        self._made: list[tuple[Tensor, Tensor]] = []

    def step(self, step: int) -> tuple[Tensor, Tensor]:
        """Return inputs and targets of a step."""
        while len(self._made) <= step:
            batch = self._task.draw(self.seed, len(self._made))
            self._made.append(tensors(batch, self._device))
        return self._made[step]


def tensors(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the arrays of a batch as tensors on a device."""
    return torch.from_numpy(batch.inputs).to(device), torch.from_numpy(batch.targets).to(device)


def loss_of(outputs: Tensor, targets: Tensor, kind: str) -> Tensor:
    """Return the mean loss: cross-entropy over the last axis, of one logit, or squared error."""
    if kind == "numbers":
        if outputs.shape != targets.shape:  # torch would stretch one to the other, and only warn
            raise ValueError(f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}")
        return F.mse_loss(outputs, targets)
    if kind == "binary":
        return F.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype))
    if outputs.shape[:-1] != targets.shape:
        raise ValueError(f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}")
    return F.cross_entropy(outputs.flatten(0, -2), targets.flatten(), ignore_index=IGNORED)


def evaluate(module: nn.Module, task: Task, split: str, device: torch.device) -> dict[str, float]:
    """Return the metric on each of the task's sets, in evaluation mode."""
    module.eval()
    values = {}
    with torch.inference_mode():
        for name, held in task.sets.items():
            batch = held.draw(split)
            outputs = module(torch.from_numpy(batch.inputs).to(device))
            values[name] = task.metric.measure(outputs.cpu().numpy(), batch.targets)
    return values
