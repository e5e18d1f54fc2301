"""The loops that others would write or use, around the very module that the product trains.

Each is a function of a task, a version and a number of steps that returns the CPU seconds of one step.
"""

from __future__ import annotations

import contextlib
import io
import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from shareviz.training.engine.arms import start
from shareviz.training.engine.data import Stream, loss_of
from shareviz.training.engine.loop import Trainer
from shareviz.training.engine.member import Fit, Single
from shareviz.training.engine.together import Together
from shareviz.training.tasks import Task, find_version

CPU = torch.device("cpu")
Loop = Callable[[Task, str, int], float]
WARM = 3  # steps that are not timed


def naive(task: Task, version: str, steps: int) -> float:
    """DataLoader, Adam, loss.item(): what a user would write."""
    module = _module(task, version, 0)
    optimizer = torch.optim.Adam(module.parameters(), lr=task.recipe.lr)
    clock = _Clock()
    for inputs, targets in _loader(task, steps):
        clock.tick()
        optimizer.zero_grad()
        loss = loss_of(module(inputs), targets, task.loss)
        loss.backward()
        optimizer.step()
        loss.item()
    return clock.each()


def single(task: Task, version: str, steps: int) -> float:
    """The product, one member by itself."""
    fit = Fit(steps, (task.recipe.lr,), task.recipe.clip, task.loss)
    return _ours(Single(_module(task, version, 0), Stream(task, 0, CPU), fit), steps)


def together(members: int) -> Loop:
    """Return the product's loop for that many members as one program; its time is a member's share."""

    def loop(task: Task, version: str, steps: int) -> float:
        modules = [_module(task, version, seed) for seed in range(members)]
        streams = [Stream(task, seed, CPU) for seed in range(members)]
        fit = Fit(steps, (task.recipe.lr,) * members, task.recipe.clip, task.loss)
        return _ours(Together(modules, streams, fit), steps) / members

    return loop


def lightning(task: Task, version: str, steps: int) -> float:
    """Lightning's Trainer, with all that it can leave out left out."""
    import lightning

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    clock = _Clock()

    class Learner(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.module = _module(task, version, 0)

        def training_step(self, batch: list[Tensor], place: int) -> Tensor:
            clock.tick()
            return loss_of(self.module(batch[0]), batch[1], task.loss)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=task.recipe.lr)

    with _quiet():
        trainer = lightning.Trainer(max_steps=steps, accelerator="cpu", devices=1, barebones=True)
        trainer.fit(Learner(), _loader(task, steps))
    return clock.each()


def transformers(task: Task, version: str, steps: int) -> float:
    """The Trainer of transformers, without reports and checkpoints."""
    import tempfile

    from transformers import Trainer, TrainingArguments

    clock = _Clock()

    class Learner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = _module(task, version, 0)

        def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
            clock.tick()
            return {"loss": loss_of(self.module(inputs), labels, task.loss)}

    inputs, targets = _loader(task, steps).dataset.tensors  # type: ignore[attr-defined]
    rows = [{"inputs": x, "labels": y} for x, y in zip(inputs, targets, strict=True)]
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        said = TrainingArguments(
            folder,
            max_steps=steps,
            per_device_train_batch_size=len(inputs) // steps,
            learning_rate=task.recipe.lr,
            optim="adamw_torch_fused",
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        Trainer(Learner(), said, train_dataset=rows).train()  # type: ignore[arg-type]
    return clock.each()


class _Clock:
    """CPU seconds between the beginnings of steps."""

    def __init__(self) -> None:
        self._at: list[float] = []

    def tick(self) -> None:
        self._at.append(time.process_time())

    def each(self) -> float:
        """Return the mean of the steps after the first few."""
        return (self._at[-1] - self._at[WARM]) / (len(self._at) - 1 - WARM)


def _ours(trainer: Trainer, steps: int) -> float:
    clock = _Clock()
    for step in range(steps):
        clock.tick()
        torch.stack(trainer.step(step)).tolist()
    return clock.each()


def _module(task: Task, version: str, seed: int) -> nn.Module:
    return start(task.model, find_version(task, version), seed)


def _loader(task: Task, steps: int) -> DataLoader[Any]:
    """Return the batches of a seed as a shuffled data set."""
    stream = Stream(task, 0, CPU)
    inputs, targets = zip(*(stream.step(step) for step in range(steps)), strict=True)
    return DataLoader(TensorDataset(torch.cat(inputs), torch.cat(targets)), len(inputs[0]), shuffle=True)


@contextlib.contextmanager
def _quiet() -> Any:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(io.StringIO()):
            yield
