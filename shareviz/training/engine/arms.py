"""The versions of a run as modules: built unshared, realized under their plans, paired by seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from shareviz.capture import capture
from shareviz.clone import clone
from shareviz.errors import OptionError, TraceError
from shareviz.models import build, snapshot_of
from shareviz.realize import realize
from shareviz.sharing import tally
from shareviz.snapshot import Step
from shareviz.text import clean
from shareviz.trace import trace
from shareviz.training.engine.data import Stream, loss_of
from shareviz.training.engine.memory import Need, need, refuse_beyond
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Arm
from shareviz.training.tasks import Task, Version, find_task, find_version, short_titles


@dataclass(frozen=True, slots=True)
class Ready:
    """An arm that was tried on a batch, and the memory that a member of it needs."""

    arm: Arm
    need: Need


def ready(spec: RunSpec) -> tuple[Ready, ...]:
    """Return the arms of a settled spec, each tried on one batch without training.

    Raises:
        OptionError: A model is unknown, does not take the task's batches, or needs too much memory.
        PlanError: A version's plan does not apply to the model.
    """
    task = find_task(spec.task)
    found = [_ready(spec, task, name) for name in spec.versions]
    titles = short_titles({one.arm.name: one.arm.title for one in found})
    return tuple(replace(one, arm=replace(one.arm, title=titles[one.arm.name])) for one in found)


def module_of(spec: RunSpec, version: Version, seed: int, device: torch.device) -> nn.Module:
    """Return a version's module for a seed on a device; its values are made on the CPU."""
    module = start(spec.model, version, seed)
    return module if device.type == "cpu" else clone(module, device)


def start(model: str, version: Version, seed: int) -> nn.Module:
    """Return a version's module on the CPU, with values from the seed and the names alone.

    A shared layer starts as the unshared layer 0. A version with a model of its own takes the values
    of the reference model wherever name and shape agree, so one layer starts as layer 0, too.
    """
    reference = build(model, device="cpu", seed=seed)
    module = reference
    if version.model:
        module = build(version.model, device="cpu", seed=seed)
        _take_values(module, reference)
    return realize(version.plan(capture(module)), module, seed=seed)


def _take_values(module: nn.Module, reference: nn.Module) -> None:
    known = dict(reference.named_parameters())
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in known and known[name].shape == parameter.shape:
                parameter.copy_(known[name])


def _ready(spec: RunSpec, task: Task, name: str) -> Ready:
    version = find_version(task, name, spec.model)
    for text in (spec.model, version.model or spec.model):
        # counted on meta: both are built whole, nothing shared, before a plan makes them smaller
        refuse_beyond(Need(tally(snapshot_of(text)).stored, 0, 0).of(1), clean(text, 80))
    module = start(spec.model, version, 0)
    inputs = _fits(task, module, version.model or spec.model)
    seen, flops, steps = capture(module), None, tuple[Step, ...]()
    try:
        steps = trace(module, inputs)
        seen, flops = replace(seen, steps=steps), 3 * sum(step.flops for step in steps)
    except TraceError:
        pass  # `used` and `flops` are None, which reads n/a: training needs neither
    counts = tally(seen)
    model = version.model or spec.model
    title = version.title or version.plan(snapshot_of(model)).title
    arm = Arm(name, title, model, counts.stored, counts.used, flops, spec.lr or task.recipe.lr)
    needed = need(task, spec.steps or task.recipe.steps, counts.stored, steps)
    refuse_beyond(needed.of(1), title)
    return Ready(arm, needed)


def _fits(task: Task, module: nn.Module, model: str) -> torch.Tensor:
    """Return the first batch's inputs, after a loss was computed on it."""
    inputs, targets = Stream(task, 0, torch.device("cpu")).step(0)
    try:
        with torch.no_grad():
            loss_of(module(inputs), targets, task.loss).item()
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise OptionError(
            f"The task {task.name} does not fit {clean(model, 80)}: {reason}.",
            hint=f"Leave the model out, or change the sizes of {task.model}.",
        ) from error
    return inputs
