"""What the nodes of an ONNX graph read: one step each, views passed through, inner graphs in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from shareviz.formats._base import Limits
from shareviz.formats._onnx_graph import Graph, Node
from shareviz.formats._onnx_tensor import STRINGS, Stored
from shareviz.formats._slots import check_name
from shareviz.snapshot import Step

_VIEWS = frozenset({"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten"})
_PARTS = frozenset({"Slice", "Split"})


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored tensor under the name that it has in the Snapshot; `constant`: kept in a node."""

    name: str
    stored: Stored
    constant: bool


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a value comes from: a stored tensor or a part of one, steps, or neither (an input)."""

    tensor: str = ""
    steps: tuple[int, ...] = ()
    part: bool = False


@dataclass(slots=True)
class _Scope:
    above: _Scope | None
    values: dict[str, _Value] = field(default_factory=dict)

    def find(self, name: str) -> _Value:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.above
        return _Value()


def named_tensors(graph: Graph, prefix: str = "") -> Iterator[Weight]:
    """Yield the tensors that a graph stores: its own, those of Constant nodes, those of inner graphs.

    Single numbers, whole numbers and texts of Constant nodes belong to the computation: left out.
    """
    for stored in graph.initializers:
        if stored.dtype != STRINGS:
            yield Weight(prefix + stored.name, stored, False)
    for place, node in enumerate(graph.nodes):
        if _is_weight(node):
            yield Weight(prefix + node.outputs[0], node.constants[0], True)
        for inner in node.inner:
            yield from named_tensors(inner.graph, _below(prefix, node, place, inner.attribute))


def steps_of(graph: Graph, reads: Mapping[str, int], limits: Limits) -> tuple[Step, ...]:
    """Return one step for each node that is no view; `reads` has the elements of each weight."""
    walk = _Steps(reads, limits)
    walk.graph(graph, _Scope(None), "")
    return tuple(walk.steps)


def without_merged(steps: tuple[Step, ...], vectors: Set[str]) -> tuple[tuple[Step, ...], int]:
    """Return the steps with each vector read no more often than any matrix is, and how many were cut.

    Exporters store equal vectors once: the zero biases and unit norms of layers that share nothing.
    A vector that is read as often as a matrix can belong to a block that is called again.
    """
    readers = Counter(name for step in steps for name, _ in step.reads)
    most = max((times for name, times in readers.items() if name not in vectors), default=1)
    over = {name for name in vectors if readers[name] > most}
    seen: Counter[str] = Counter()
    kept: list[Step] = []
    for step in steps:
        reads = tuple((name, numel) for name, numel in step.reads if name not in over or seen[name] < most)
        seen.update(name for name, _ in step.reads)
        kept.append(step if reads == step.reads else replace(step, reads=reads))
    return tuple(kept), len(over)


class _Steps:
    def __init__(self, reads: Mapping[str, int], limits: Limits) -> None:
        self.reads = reads
        self.limits = limits
        self.steps: list[Step] = []
        self.parted: set[str] = set()

    def graph(self, graph: Graph, scope: _Scope, prefix: str) -> tuple[int, ...]:
        """Add the steps of a graph, and return those that its outputs come from."""
        scope.values |= {stored.name: _Value(prefix + stored.name) for stored in graph.initializers}
        for place, node in enumerate(graph.nodes):
            made = self._node(node, scope, prefix, place)
            scope.values |= dict.fromkeys(filter(None, node.outputs), made)
        return _together(scope.find(name) for name in graph.outputs)

    def _node(self, node: Node, scope: _Scope, prefix: str, place: int) -> _Value:
        if node.standard and node.op == "Constant":
            return _Value(prefix + node.outputs[0]) if _is_weight(node) else _Value()
        taken = [scope.find(name) for name in node.inputs if name]
        if node.standard and node.op in _VIEWS and taken:
            return taken[0]
        if node.standard and node.op in _PARTS and taken and taken[0].tensor:
            return replace(taken[0], part=True)
        sources = list(_together(taken))
        most: Counter[str] = Counter()
        for inner in node.inner:
            start = len(self.steps)
            below = _below(prefix, node, place, inner.attribute)
            sources += self.graph(inner.graph, _Scope(scope), below)
            if node.op == "If":
                most |= self._beyond(start, most)
        read = dict.fromkeys(value.tensor for value in taken if self._counts(value))
        check_name(node.op, self.limits)
        self.steps.append(
            Step(
                op=node.op or "?",
                module=_module(node.name, self.limits),
                call=0,
                reads=tuple((name, self.reads[name]) for name in read),
                inputs=tuple(sorted(set(sources))),
            )
        )
        return _Value(steps=(len(self.steps) - 1,))

    def _counts(self, value: _Value) -> bool:
        """Whether a value is a weight to count; parts, whose sizes are not known, count once together."""
        if value.tensor not in self.reads or (value.part and value.tensor in self.parted):
            return False
        if value.part:
            self.parted.add(value.tensor)
        return True

    def _beyond(self, start: int, most: Counter[str]) -> Counter[str]:
        """Drop reads that another branch has made too, as one branch runs; return those of this one."""
        seen: Counter[str] = Counter()
        for position in range(start, len(self.steps)):
            step = self.steps[position]
            seen.update(name for name, _ in step.reads)
            kept = tuple((name, numel) for name, numel in step.reads if seen[name] > most[name])
            self.steps[position] = replace(step, reads=kept)
        return seen


def _is_weight(node: Node) -> bool:
    if not (node.standard and node.op == "Constant" and node.outputs and len(node.constants) == 1):
        return False
    (stored,) = node.constants
    return stored.numel > 1 and stored.dtype.startswith(("float", "bfloat", "complex"))


def _together(values: Iterable[_Value]) -> tuple[int, ...]:
    return tuple(sorted({step for value in values for step in value.steps}))


def _below(prefix: str, node: Node, place: int, attribute: str) -> str:
    return f"{prefix}{node.name or f'{node.op}_{place}'}.{attribute}."


def _module(name: str, limits: Limits) -> str:
    """Return the module that torch's exporter wrote into a node's name, "" where it wrote none.

    Example:
        >>> from shareviz.formats import LOCAL
        >>> _module("/encoder/layer.0/MatMul", LOCAL), _module("node_linear_5", LOCAL)
        ('encoder.layer.0', '')
    """
    if not name.startswith("/"):
        return ""
    path = name[1:].rpartition("/")[0].replace("/", ".")
    short = len(path) <= limits.name_chars and path.count(".") < 2 * limits.nesting
    return path if short else ""
