"""Tasks that show something within seconds: one file for each, found by its name."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from shareviz.design import HEAD_UNTIED, Design
from shareviz.errors import OptionError
from shareviz.plan import Plan
from shareviz.plugins import collect
from shareviz.snapshot import Snapshot
from shareviz.text import clean
from shareviz.training.tasks._base import OVER, Batch, Column, EvalSet, Metric, Recipe, Task, Version
from shareviz.training.tasks._own import own_columns, own_versions

__all__ = [
    "Batch",
    "Column",
    "EvalSet",
    "Metric",
    "Recipe",
    "Task",
    "Version",
    "columns_of",
    "default_versions",
    "find_task",
    "find_version",
    "short_titles",
    "tasks",
    "versions_of",
]


@functools.cache
def tasks() -> Mapping[str, Task]:
    """Return every task by name: by what is shared over, in the order of `OVER`, and then by name."""
    found = collect(sys.modules[__name__], "TASK", Task)
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: OVER.index(item[1].over))))


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


def versions_of(task: Task, model: str = "") -> Mapping[str, Version]:
    """Return the versions by name that a task offers for its own model, or for another one.

    Raises:
        OptionError: There is no such model.
    """
    return own_versions(task, model) if model and model != task.model else task.versions


def columns_of(task: Task, model: str = "") -> tuple[Column, ...]:
    """Return the fair comparisons among `versions_of`.

    Raises:
        OptionError: There is no such model.
    """
    return own_columns(task, model) if model and model != task.model else task.columns


def default_versions(task: Task, model: str = "") -> tuple[str, ...]:
    """Return the names of the versions that are compared unless somebody chooses."""
    offered = versions_of(task, model)
    return tuple(name for name in task.defaults if name in offered)


def find_version(task: Task, text: str, model: str = "") -> Version:
    """Return a version by its name, or the one that a design says of the model.

    A version of a design has no title of its own: the title of its plan is that of the design.

    Args:
        model: The model of the run; "" is the task's own.

    Raises:
        OptionError: Neither a name nor a design; the hint lists the names.
    """
    offered = versions_of(task, model)
    if text in offered:
        return offered[text]
    try:
        design = Design.parse(text)
    except OptionError as error:
        raise OptionError(
            f"The task {task.name} has no version {clean(text, 40)!r}, and as a design: {error.message}",
            hint=f"Its versions are: {', '.join(offered)}. A design is written cycle?stored=2.",
        ) from error
    return Version("", functools.partial(_plan_of, design))


def short_titles(titles: Mapping[str, str]) -> dict[str, str]:
    """Return the titles of a run's versions, without a word on the head where they differ without it.

    Example:
        >>> short_titles({"a": "None", "b": "Cycle 2 + head untied"})
        {'a': 'None', 'b': 'Cycle 2'}
    """
    short = {name: title.removesuffix(f" + {HEAD_UNTIED}") for name, title in titles.items()}
    return short if len(set(short.values())) == len(set(titles.values())) else dict(titles)


def _plan_of(design: Design, snapshot: Snapshot) -> Plan:
    return replace(design.plan(snapshot), title=design.title(snapshot))
