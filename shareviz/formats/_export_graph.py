"""The graph of a torch.export program: the modules that ran, and one step for each operation.

Source: torch/_export/serde/schema.py (Graph, Node, Argument, GraphSignature), torch 2.13.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from shareviz import text
from shareviz.formats._base import Limits, refuse
from shareviz.formats._export_flops import RECURRENT, flops
from shareviz.formats._export_tensor import dtype_of, shape_of
from shareviz.formats._json import At
from shareviz.formats._slots import check_name
from shareviz.snapshot import Module, Snapshot, Step, Tensor

_VIEWS = frozenset(
    {
        *("alias", "as_strided", "chunk", "contiguous", "detach", "detach_", "diagonal", "expand"),
        *("expand_as", "flatten", "imag", "lift_fresh", "movedim", "mT", "narrow", "numpy_T", "permute"),
        *("real", "reshape", "reshape_as", "select", "slice", "split", "split_with_sizes", "squeeze"),
        *("swapaxes", "t", "tensor_split", "transpose", "unbind", "unflatten", "unfold", "unsqueeze"),
        *("view", "view_as", "view_as_complex", "view_as_real"),
    }
)
_ALLOCATES = ("empty", "zeros", "ones", "full", "rand", "new_", "arange")
_CALL = re.compile(r"@(\d+)")
_TENSORS = ("as_tensor", "as_tensors", "as_optional_tensor", "as_optional_tensors", "as_nested_tensors")


class FlowError(ValueError):
    """A graph that is not followed: it holds other graphs, which run or not as values decide."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a graph tells: the modules that ran, its steps, and why there are none."""

    modules: tuple[Module, ...]
    steps: tuple[Step, ...] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a value comes from: the slots it is a view of, and the steps that made it."""

    slots: tuple[Tensor, ...] = ()
    steps: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Walk:
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    values: dict[str, _Value]
    steps: list[Step] = field(default_factory=list)
    turns: Counter[str] = field(default_factory=Counter)  # reads of each slot so far


def exported(document: At, known: Snapshot) -> Exported:
    """Return the modules and steps of a program, whose weights are known.

    Raises:
        FlowError: The graph calls other graphs.
        FormatError: malformed, limit.
    """
    graph = document["graph_module"]["graph"]
    nodes = graph["nodes"].items(document.limits.nodes)
    stacks = [_stack(node) for node in nodes]
    modules = _modules(stacks, document.limits)
    values = _parameters(document["graph_module"]["signature"], known)
    described = graph["tensor_values"]
    shapes = {name: shape_of(described[name]) for name in described.fields()}
    dtypes = {name: dtype_of(described[name]) for name in described.fields()}
    walk = _Walk(shapes, dtypes, values)
    try:
        for node, stack in zip(nodes, stacks, strict=True):
            _follow(walk, node, stack)
    except FlowError as error:
        return Exported(modules, None, (f"The graph {error}: its steps are not followed.",))
    fused = sorted({step.op for step in walk.steps} & RECURRENT)
    notes = (f"{', '.join(fused)}: one operation for all time steps, which reads each weight once.",)
    return Exported(modules, tuple(walk.steps), notes if fused else ())


@dataclass(frozen=True, slots=True)
class _Frame:
    path: str
    call: int
    cls: str


def _stack(node: At) -> tuple[_Frame, ...]:
    """Return the modules that were running, the outermost first: `key,path,class;key,path,class`."""
    frames = []
    said = node["metadata"].get("nn_module_stack", "").value
    for entry in said.split(";") if isinstance(said, str) else ():
        parts = entry.split(",")
        if len(parts) >= 3:
            calls = _CALL.findall(parts[0])  # the key of a second call ends in @1
            cls = parts[-1].rpartition(".")[2]
            frames.append(_Frame(_CALL.sub("", parts[1]), int(calls[-1][:9]) if calls else 0, cls))
    return tuple(frames)


def _modules(stacks: list[tuple[_Frame, ...]], limits: Limits) -> tuple[Module, ...]:
    """Return the modules that ran, each after the one that holds it, in the order of the graph."""
    classes = {frame.path: frame.cls for stack in stacks for frame in stack}
    for path in classes:
        check_name(path, limits)
    return tuple(Module(path, cls) for path, cls in classes.items())


def _parameters(signature: At, known: Snapshot) -> dict[str, _Value]:
    """Return the inputs of the graph that are parameters, each with all slots of its region.

    An export passes a tied weight under one of its names, whichever of them a module reads.
    """
    users: dict[Any, list[Tensor]] = defaultdict(list)
    for slot in known.parameters():
        users[slot.region, slot.shape].append(slot)
    found = {}
    for entry in signature["input_specs"].items(2 * signature.limits.tensors):
        if "parameter" in entry.fields():
            name = entry["parameter"]["parameter_name"].name()
            if name not in known.by_name:
                said = f"The graph reads {text.clean(name, 80)}, which the file does not store."
                raise refuse("malformed", said, "Save the program again with torch.export.save.")
            slot = known.by_name[name]
            slots = tuple(users[slot.region, slot.shape]) if slot.counts else ()
            found[entry["parameter"]["arg"]["name"].name()] = _Value(slots)
    return found


def _follow(walk: _Walk, node: At, stack: tuple[_Frame, ...]) -> None:
    """Add the step of a node; a view passes on where its value comes from."""
    op = _operation(node["target"].words(node.limits.name_chars))
    inputs = node["inputs"].items(node.limits.tensors)
    arguments = {entry["name"].name(): entry["arg"] for entry in inputs}
    taken = [name for entry in inputs for name in _tensors(entry["arg"])]  # names may be empty
    made = [name for out in node["outputs"].items(node.limits.tensors) for name in _tensors(out)]
    if not made and not taken:
        return  # arithmetic on sizes
    values = [walk.values.get(name, _Value()) for name in taken]
    if taken and (op in _VIEWS or _does_nothing(walk, op, arguments, (taken[0], made))):
        walk.values |= dict.fromkeys(made, values[0])
        return
    frame = stack[-1] if stack else _Frame("", 0, "")
    step = Step(
        op=op,
        module=frame.path,
        call=frame.call,
        reads=() if op.startswith(_ALLOCATES) else _reads(walk, taken, stack),
        inputs=tuple(sorted(frozenset[int]().union(*(value.steps for value in values)))),
        shape=walk.shapes.get(made[0], ()) if made else (),
        flops=flops(op, arguments, walk.shapes, made),
    )
    walk.values |= dict.fromkeys(made, _Value(steps=frozenset((len(walk.steps),))))
    walk.steps.append(step)


def _operation(target: str) -> str:
    """Return the name of an operation without its home and overload: torch.ops.aten.add.Tensor, add."""
    parts = target.split(".")
    return parts[-2] if target.startswith("torch.ops.") and len(parts) > 3 else parts[-1]


def _tensors(argument: At) -> Iterator[str]:
    """Yield the tensors that an argument names."""
    fields = argument.fields()
    if "as_graph" in fields:
        raise FlowError("calls other graphs")
    left = [value for kind, value in fields.items() if kind in _TENSORS]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            name = value.get("name")
            if isinstance(name, str):
                yield name
            else:
                left += value.values()
        elif isinstance(value, list):
            left += reversed(value)


def _does_nothing(walk: _Walk, op: str, arguments: Mapping[str, At], between: tuple[str, list[str]]) -> bool:
    """Whether an operation returns its input as it is: a cast to the same type, dropout when not training."""
    if op == "to":
        source, made = between
        return len(made) == 1 and walk.dtypes.get(source) == walk.dtypes.get(made[0])
    if op in ("dropout", "dropout_", "feature_dropout", "alpha_dropout"):
        return "train" in arguments and arguments["train"].get("as_bool", True).value is False
    return False


def _reads(walk: _Walk, taken: list[str], stack: tuple[_Frame, ...]) -> tuple[tuple[str, int], ...]:
    reads: Counter[str] = Counter()
    limits: dict[str, int] = {}
    for name, times in Counter(taken).items():
        for slot in _running(walk, walk.values.get(name, _Value()).slots, stack)[:times]:
            walk.turns[slot.name] += 1
            limits[slot.name] = slot.numel
            reads[slot.name] += min(prod(walk.shapes.get(name, slot.shape)), slot.numel)
    return tuple((name, min(count, limits[name])) for name, count in reads.items())


def _running(walk: _Walk, slots: Sequence[Tensor], stack: tuple[_Frame, ...]) -> Sequence[Tensor]:
    """Return the slots of one region that the module which runs has, those read least often first."""
    if len(slots) < 2:
        return slots
    here: list[Tensor] = []
    for frame in reversed(stack):
        below = f"{frame.path}." if frame.path else ""
        here = [slot for slot in slots if slot.module == frame.path]
        here = here or [slot for slot in slots if slot.module.startswith(below)]
        if here:
            break
    return sorted(here or slots, key=lambda slot: walk.turns[slot.name])
