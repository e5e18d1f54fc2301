"""The graphs of an ONNX file: nodes by their value names, and tensors by what they claim.

Source: onnx/onnx.proto (the field numbers), ONNX 1.23.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import refuse
from shareviz.formats._onnx_tensor import Stored, sparse_parts, stored_tensor
from shareviz.formats._slots import too_many
from shareviz.formats._wire import BYTES, Field, Span, Wire

_REDO = "Export the model again."
_GRAPH_OF_MODEL, _FUNCTIONS, _PRODUCER, _VERSION = 7, 25, 2, 3
# no tensor and no graph fits into an attribute shorter than this
_SHORTEST = 12


@dataclass(frozen=True, slots=True)
class Inner:
    """A graph inside a node, such as a branch: the attribute that holds it."""

    attribute: str
    graph: Graph


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: the names of the values it takes and gives, "" for one that is left out."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: tuple[Stored, ...] = ()
    inner: tuple[Inner, ...] = ()

    @property
    def standard(self) -> bool:
        """Whether its operator is one of ONNX itself."""
        return self.domain in ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in order, and the tensors that the file stores for them."""

    nodes: tuple[Node, ...]
    initializers: tuple[Stored, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """The outermost graph, what exported it, and how many functions the file defines."""

    graph: Graph
    producer: str
    functions: int


def model_of(wire: Wire) -> Model:
    """Return what the file holds.

    Raises:
        FormatError: truncated, malformed, unsafe-path, limit, bad-name.
    """
    graph = None
    words = {_PRODUCER: "", _VERSION: ""}
    functions = 0
    walk = _Walk(wire)
    for entry in wire.fields(wire.whole()):
        if entry.number == _GRAPH_OF_MODEL:
            if graph is not None:
                raise refuse("ambiguous", "The file holds two graphs; readers join them.", _REDO)
            graph = walk.graph(_message(entry), 0)
        elif entry.number in words:
            words[entry.number] = wire.text(entry)
        functions += entry.number == _FUNCTIONS
    if graph is None:
        raise refuse("malformed", "The file holds no graph.", "Check that this is an ONNX file.")
    return Model(graph, " ".join(filter(None, words.values())), functions)


@dataclass(slots=True)
class _Parts:
    """The fields of one node, collected before its attributes are looked into."""

    words: dict[int, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: list[Span] = field(default_factory=list)


class _Walk:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.limits = wire.file.limits
        self.nodes = self.limits.nodes
        self.tensors = self.limits.tensors

    def graph(self, span: Span, depth: int) -> Graph:
        if depth > self.limits.nesting:
            raise _limit(f"Graphs nest deeper than {self.limits.nesting}")
        nodes: list[Node] = []
        initializers: list[Stored] = []
        outputs: list[str] = []
        for entry in self.wire.fields(span):
            if entry.number == 1:
                self.nodes -= 1
                if self.nodes < 0:
                    raise _limit(f"The graph has more than {text.exact(self.limits.nodes)} nodes")
                nodes.append(self._node(_message(entry), depth))
            elif entry.number == 5:
                initializers.append(self._tensor(_message(entry)))
            elif entry.number == 15:
                initializers += (self._counted(part) for part in sparse_parts(self.wire, _message(entry)))
            elif entry.number == 12:
                outputs += self._words(_message(entry), 1)
        return Graph(tuple(nodes), tuple(initializers), tuple(outputs))

    def _node(self, span: Span, depth: int) -> Node:
        parts = _Parts()
        for entry in self.wire.fields(span):
            if entry.number in (1, 2):
                (parts.inputs if entry.number == 1 else parts.outputs).append(self.wire.text(entry))
            elif entry.number in (3, 4, 7):
                parts.words[entry.number] = self.wire.text(entry)
            elif entry.number == 5 and entry.span.nbytes >= _SHORTEST:
                parts.attributes.append(_message(entry))
        constants: list[Stored] = []
        inner: list[Inner] = []
        for attribute in parts.attributes:
            self._attribute(attribute, depth, constants, inner)
        op, domain, name = (parts.words.get(number, "") for number in (4, 7, 3))
        inputs, outputs = tuple(parts.inputs), tuple(parts.outputs)
        return Node(op, domain, name, inputs, outputs, tuple(constants), tuple(inner))

    def _attribute(self, span: Span, depth: int, constants: list[Stored], inner: list[Inner]) -> None:
        name = ""
        for entry in self.wire.fields(span):
            if entry.number == 1:
                name = self.wire.text(entry)
            elif entry.number in (5, 10):
                constants.append(self._tensor(_message(entry)))
            elif entry.number in (6, 11):
                inner.append(Inner(name, self.graph(_message(entry), depth + 1)))

    def _tensor(self, span: Span) -> Stored:
        return self._counted(stored_tensor(self.wire, span))

    def _counted(self, tensor: Stored) -> Stored:
        self.tensors -= 1
        if self.tensors < 0:
            raise too_many(self.limits)
        return tensor

    def _words(self, span: Span, number: int) -> list[str]:
        return [self.wire.text(entry) for entry in self.wire.fields(span) if entry.number == number]


def _message(entry: Field) -> Span:
    if entry.wire != BYTES:
        raise refuse("malformed", "A field that holds a message is written as a number.", _REDO)
    return entry.span


def _limit(what: str) -> FormatError:
    code: Literal["limit"] = "limit"
    return refuse(code, f"{what}.", "Export a smaller part of the model.")
