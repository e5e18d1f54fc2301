"""What a task offers for a model that is not its own: the same layers shared, and the shallow controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from shareviz.layertable import parse_rows, rows_text
from shareviz.models import catalogue, settled
from shareviz.options import parse, unparse
from shareviz.text import plural
from shareviz.training.tasks._base import Column, Task, Version, share_layers, taking_turns, unshared


@dataclass(frozen=True, slots=True)
class Depth:
    """How many layers repeat in a model, and the text of the same model with fewer."""

    layers: int
    shallow: Callable[[int], str]


def depth_of(model: str) -> Depth | None:
    """Return the depth that a model's text says, or None where it says none, or more than one.

    Example:
        >>> depth = depth_of("layers?rows=embedding~block-x6~head")
        >>> depth.layers, depth.shallow(2)
        (6, 'layers?rows=embedding~block-x2~head')

    Raises:
        OptionError: There is no such model.
    """
    name, values = settled(model)
    options = catalogue()[name].options

    def turned(option: str, value: object) -> str:
        return unparse(name, options, {**values, option: value})

    if name != "layers":
        layers = values.get("layers") if catalogue()[name].counted == ("layers",) else None
        return Depth(layers, lambda fewer: turned("layers", fewer)) if isinstance(layers, int) else None
    rows = parse_rows(str(values["rows"]))
    deep = [place for place, row in enumerate(rows) if row.repeats > 1]
    if len(deep) != 1:
        return None
    (place,) = deep

    def shallow(fewer: int) -> str:
        cut = [replace(row, repeats=fewer) if at == place else row for at, row in enumerate(rows)]
        return turned("rows", rows_text(cut))

    return Depth(rows[place].repeats, shallow)


def own_versions(task: Task, model: str) -> Mapping[str, Version]:
    """Return what a task offers for another model: unshared, layers shared, and the shallow controls.

    A model of the family of the task's own takes the task's plans. The names are those of the tasks
    over depth in any case, so the tasks' fair comparisons hold.

    Raises:
        OptionError: There is no such model.
    """
    depth = depth_of(model)
    if parse(model)[0] == parse(task.model)[0]:
        found = {name: version for name, version in task.versions.items() if not version.model}
        fewer = {name for name in _SHALLOW if name in task.versions}
    else:
        found = {"none": Version("None", unshared)}
        fewer = set(_SHALLOW)
        if depth is not None:
            found |= {name: _shared(stored) for name, stored in _STORED.items() if stored < depth.layers}
    if depth is not None:
        found |= {
            n: _fewer(depth, *_SHALLOW[n]) for n in _SHALLOW if n in fewer and _SHALLOW[n][0] < depth.layers
        }
    return found


def own_columns(task: Task, model: str) -> tuple[Column, ...]:
    """Return the fair comparisons among the versions that a task offers for another model."""
    if parse(model)[0] == parse(task.model)[0]:
        return task.columns
    return (Column("Equal depth", "none", ("all", "cycle2")), Column("Equal parameters", "one", ("all",)))


_STORED = {"all": 1, "cycle2": 2}
_SHALLOW = {"one": (1, "all layers shared"), "two": (2, "a cycle of 2")}


def _shared(stored: int) -> Version:
    title = "All layers" if stored == 1 else f"Cycle of {stored}"
    plan = share_layers(taking_turns(stored), apart="norm", title=title)
    return Version(title, plan, note="Every layer keeps its own norms.")


def _fewer(depth: Depth, layers: int, like: str) -> Version:
    title = "One layer" if layers == 1 else "Two layers"
    note = f"As many stored parameters as {like}, but {plural(layers, 'layer')} of {depth.layers} to run."
    return Version(title, unshared, depth.shallow(layers), note)
