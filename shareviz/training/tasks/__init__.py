"""Tasks that show something within seconds: one file for each, found by its name."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping

from shareviz.errors import OptionError
from shareviz.plugins import collect
from shareviz.text import clean
from shareviz.training.tasks._base import Batch, Column, EvalSet, Metric, Recipe, Task, Version

__all__ = ["Batch", "Column", "EvalSet", "Metric", "Recipe", "Task", "Version", "find_task", "tasks"]


@functools.cache
def tasks() -> Mapping[str, Task]:
    """Return every task by name."""
    return collect(sys.modules[__name__], "TASK", Task)


def find_task(name: str) -> Task:
    """Return the task of this name.

    Raises:
        OptionError: There is none; the hint lists them.
    """
    try:
        return tasks()[name]
    except KeyError:
        raise OptionError(
            f"There is no task {clean(name, 40)!r}.", hint=f"The tasks are: {', '.join(tasks())}."
        ) from None
