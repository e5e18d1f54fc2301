"""A tower and a head for each task; one trunk for all tasks is a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.models import _towers
from shareviz.options import Option

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.towers import Multitask

    towers = _towers.towers(values, base.whole(values, "tasks"))
    return Multitask(towers, width=base.whole(values, "width"), classes=base.whole(values, "classes"))


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    import torch

    return (torch.zeros(1, base.whole(values, "inputs")),)


MODEL = base.Model(
    title="Multi-task",
    summary="Answers several questions about one input, with a tower and a head for each.",
    options=(
        Option("tasks", "Tasks", 2, 1, 64, help="How many tasks there are."),
        _towers.LAYERS,
        _towers.WIDTH,
        _towers.INPUTS,
        Option("classes", "Classes", 10, 1, 10_000, help="How many logits each task has."),
    ),
    build=_build,
    inputs=_inputs,
    source="Caruana (1997), Multitask Learning, section 1",
    counted=("tasks",),
)
