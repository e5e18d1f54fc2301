"""How much memory a run needs, said before it starts, and a polite refusal of what is too much."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from shareviz.errors import OptionError
from shareviz.snapshot import Step
from shareviz.text import size
from shareviz.training.tasks import Task

MOST = 4 * 2**30  # bytes of one group in training
_NUMBER = 4  # bytes of a float32
_KEPT = 4  # a parameter, its gradient, and Adam's two moments


@dataclass(frozen=True, slots=True)
class Need:
    """What training takes: elements of one member's parameters and activations, bytes of a seed's batches."""

    parameters: int
    activations: int
    batches: int

    def of(self, members: int) -> int:
        """Return bytes for members of seeds of their own that are trained at once."""
        each = _NUMBER * (_KEPT * self.parameters + 2 * self.activations)  # the gradients of activations too
        return members * (each + self.batches)


def need(task: Task, steps: int, stored: int, traced: tuple[Step, ...]) -> Need:
    """Return what a member needs, by the steps of its traced forward pass on one batch.

    All that operators give counts as kept for the gradient, so this is an upper estimate; where the
    pass could not be traced, only parameters and batches count.
    """
    batch = task.draw(0, 0)
    nbytes = batch.inputs.nbytes + batch.targets.nbytes
    return Need(stored, sum(prod(step.shape) for step in traced), steps * nbytes)


def refuse_beyond(nbytes: int, what: str) -> None:
    """Raise if a member alone needs more than `MOST`.

    Raises:
        OptionError: It does.
    """
    if nbytes > MOST:
        raise OptionError(
            f"Training {what} would take {size(nbytes)} of memory, more than {size(MOST)}.",
            hint="Choose a smaller model, or fewer steps.",
        )
