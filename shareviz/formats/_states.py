"""Which of the dicts in a checkpoint is the model, and the names of its tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shareviz import text
from shareviz.errors import Part
from shareviz.formats._base import Limits, refuse, which
from shareviz.formats._opcodes import Record
from shareviz.formats._slots import Leaf, is_integer
from shareviz.formats._torch import Parts, TensorRecord

WHOLE = "."  # the pick that means: everything in the file


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a checkpoint that looks like a model: its path in the file, "" the root."""

    path: str
    value: Any


def is_module(value: Any) -> bool:
    """Whether this is a pickled nn.Module."""
    state = value.state if isinstance(value, Record) else None
    return isinstance(state, dict) and all(
        isinstance(state.get(part), dict) for part in ("_parameters", "_buffers", "_modules")
    )


def choose(root: Any, pick: str | None, limits: Limits) -> Found:
    """Return the state dict or module that was picked, or the only one.

    Raises:
        FormatError: ambiguous, and the names to pick from; no-tensors; limit.
    """
    if not is_module(root):
        weigh(root, limits)
    if pick is not None:
        return _picked(root, pick)
    models = list(_models(root, limits))
    if len(models) == 1:
        return models[0]
    if models:
        shown = ", ".join(f"{text.clean(model.path, 80)}" for model in models[:6])
        raise which(
            f"The file holds {text.exact(len(models))} models: {shown}{', …' if len(models) > 6 else ''}.",
            f"Pick one of them by its name, for example {text.clean(models[0].path, 80)}.",
            (Part(model.path, _count(model.value, limits)) for model in models),
            limits,
        )
    if _is_optimizer(root):
        hint = "Open the checkpoint that holds the model."
        raise refuse("no-tensors", "The file holds the state of an optimizer, and no model.", hint)
    return Found("", root)


def _count(value: Any, limits: Limits) -> int | None:
    """Return how many tensors `leaves` finds; `weigh` has bounded its visits. A module is not counted."""
    return None if is_module(value) else sum(1 for _ in leaves(value, limits))


def leaves(value: Any, limits: Limits) -> Iterator[Leaf]:
    """Yield the tensors below a value in order, named by their keys with dots between."""
    left = limits.visits
    stack: list[tuple[str, Any, tuple[int, ...]]] = [("", value, ())]
    while stack:
        path, current, above = stack.pop()
        left -= 1
        if left < 0:
            raise _too_deep(limits)
        if isinstance(current, TensorRecord):
            yield Leaf(path or "tensor", path.rpartition(".")[0], current)
        elif isinstance(current, Parts):
            for name, part in current.parts:
                yield Leaf(f"{path}.{name}".lstrip("."), path, part)
        elif id(current) not in above:  # a container within itself adds nothing
            inner = (*above, id(current))
            below = [(_join(path, key), child, inner) for key, child in _children(current)]
            stack.extend(reversed(below))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a container that are containers or tensors themselves."""
    for key, child in _members(value):
        if isinstance(child, (TensorRecord, Parts, dict, list, tuple, Record)):
            yield str(key) if isinstance(key, (str, int)) else "?", child


def _members(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif isinstance(value, Record):
        yield from value.items.items()
        yield from enumerate(value.values)
        if isinstance(value.state, dict):
            yield from value.state.items()
        elif isinstance(value.state, (list, tuple)):
            yield from enumerate(value.state)


@dataclass(slots=True)
class _Weights:
    """Visits that each container costs when walked by every path, and how deep it goes."""

    limits: Limits
    known: dict[int, tuple[int, int]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)

    def of(self, value: Any, depth: int) -> tuple[int, int]:
        if isinstance(value, (TensorRecord, Parts)) or id(value) in self.open:
            return 1, 1
        if id(value) not in self.known:
            if depth > self.limits.nesting:
                raise _too_deep(self.limits)
            self.open.add(id(value))
            below = [self.of(child, depth + 1) for _, child in _children(value)]
            self.open.discard(id(value))
            self.known[id(value)] = 1 + sum(v for v, _ in below), 1 + max((h for _, h in below), default=0)
        visits, height = self.known[id(value)]
        if visits > self.limits.visits or depth + height > self.limits.nesting + 1:
            raise _too_deep(self.limits)
        return visits, height


def weigh(root: Any, limits: Limits) -> None:
    """Refuse what would take too many visits, before any of them is made."""
    _Weights(limits).of(root, 1)


def _models(root: Any, limits: Limits) -> Iterator[Found]:
    """Yield the topmost dicts and modules that look like a model, each object once."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        path, value = stack.pop()
        if id(value) in seen or _is_optimizer(value):
            continue
        seen.add(id(value))
        if is_module(value) or _is_state_dict(value):
            yield Found(path, value)
        else:
            below = [(_join(path, key), child) for key, child in _children(value)]
            stack.extend(reversed(below))


def _is_state_dict(value: Any) -> bool:
    """Whether a dict holds a weight itself: a float tensor of one dimension or more."""
    items = value.items if isinstance(value, Record) else value
    if not isinstance(items, dict):
        return False
    return any(
        isinstance(child, Parts)
        or (isinstance(child, TensorRecord) and child.shape and not is_integer(child.dtype))
        for child in items.values()
    )


def _is_optimizer(value: Any) -> bool:
    return isinstance(value, dict) and "param_groups" in value


def _picked(root: Any, pick: str) -> Found:
    if pick == WHOLE:
        return Found("", root)
    stack: list[tuple[str, Any, int]] = [("", root, 0)]
    while stack:
        path, value, depth = stack.pop()
        if path == pick:
            return Found(path, value)
        if depth < 64 and (not path or pick.startswith(f"{path}.")):
            stack.extend((_join(path, key), child, depth + 1) for key, child in _children(value))
    known = text.listed([key for key, _ in _children(root)], 6) or "nothing"
    raise refuse(
        "ambiguous",
        f"The file has no part named {text.clean(pick, 80)}; it holds {known}.",
        "Pick one of these names.",
    )


def _too_deep(limits: Limits) -> Exception:
    return refuse(
        "limit",
        f"The containers in the file nest deeper than {limits.nesting}, or repeat more than "
        f"{text.exact(limits.visits)} times.",
        "Save the state dict alone, and open that.",
    )
