"""The turns that both recurrent classifiers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.options import Option

if TYPE_CHECKING:
    import torch

OPTIONS = (
    Option("steps", "Steps", 12, 1, 512, help="How many steps have a cell; longer inputs start over."),
    Option("width", "Width", 16, 1, 4096, help="How many numbers a state holds."),
    Option("inputs", "Inputs", 1, 1, 4096, help="How many numbers arrive at each step."),
    Option("outputs", "Outputs", 2, 1, 4096, help="How many numbers are read off a state."),
    Option(
        "output", "Output", "last", choices=("last", "each"), help="Whether the last state is read, or each."
    ),
)


def inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    """Return one sequence of zeros as long as the model has cells."""
    import torch

    return (torch.zeros(1, base.whole(values, "steps"), base.whole(values, "inputs")),)
