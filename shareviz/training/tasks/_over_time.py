"""What every task over time offers: a cell for each step against cells that are shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from shareviz.training.tasks._base import (
    Batch,
    Column,
    EvalSet,
    Version,
    share_layers,
    taking_turns,
    unshared,
)

STEPS, LONG = 12, 48  # trained on, and tested on too
DEFAULTS = ("none", "all")
COLUMNS = (
    Column("Equal depth", "none", ("all", "cycle2")),
    Column("Equal parameters", "none", ("wide",)),
    Column("Equal compute", "none", ("all", "cycle2")),
)


def sets(held: Callable[[int, str], Batch]) -> Mapping[str, EvalSet]:
    """Return what a task is tested on: the length that it is trained on, and a longer one.

    Args:
        held: Returns the batch of a length and a split.
    """
    return {
        "seen": EvalSet(f"Length {STEPS}, as trained", partial(held, STEPS)),
        "long": EvalSet(f"Length {LONG}", partial(held, LONG)),
    }


def versions(model: str, *, wide: int) -> Mapping[str, Version]:
    """Return the versions of a recurrent model of width 16.

    Args:
        wide: The width at which one cell stores as much as a cell for each step.
    """

    def cells(stored: int, title: str, *, model: str = "", note: str = "") -> Version:
        return Version(title, share_layers(taking_turns(stored), title=title), model, note)

    wider = model.replace("width=16", f"width={wide}")
    return {
        "none": Version("A cell per step", unshared),
        "all": cells(1, "One cell"),
        "cycle2": cells(2, "Two cells in turn"),
        "wide": cells(1, "One wide cell", model=wider, note="As many stored parameters as a cell per step."),
    }
