"""A training step recorded once, as the operators that torch ran, and run again without its overhead.

For small models most of a step is the walk through autograd and vmap, not arithmetic. A recording is
that step itself, gradients included: nothing is written a second time, and the numbers are the same bits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

Made = tuple[Tensor, ...]

_aten = torch.ops.aten
# what looks at a value and so could go another way the next time
_LOOKS = {_aten._local_scalar_dense.default, _aten.nonzero.default, _aten.equal.default}


class Refused(Exception):
    """This cannot be recorded or trained together; the reason is its text."""


class Program:
    """A recorded function of tensors, to be called with others of the same shapes and strides.

    Args:
        function: Takes the tensors and returns a tuple of tensors; it is run once.
        fixed: Tensors that are the same objects at every call, such as a bank: views of them are made
            once, not at each call.
        varying: Examples of those that change.

    Raises:
        Refused: The function looks at a value, so another call could take another way.
    """

    def __init__(
        self, function: Callable[..., Made], fixed: Sequence[Tensor], varying: Sequence[Tensor]
    ) -> None:
        tape = _Tape()
        tape.fixed = {tape.enter(tensor): tensor for tensor in fixed}
        for tensor in varying:
            tape.enter(tensor)
        with tape:
            made = function(*fixed, *varying)
        tape.graph.output(tuple(tape.node(tensor) for tensor in made))
        _simplify(tape)
        self._constants = _constants(tape)
        self._module = fx.GraphModule(torch.nn.Module(), tape.graph)
        self._run = self._module.forward

    def __call__(self, *varying: Tensor) -> Made:
        made: Made = self._run(*self._constants, *varying)
        return made


class _Tape(TorchDispatchMode):
    """Writes down each operator that runs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = fx.Graph()
        self.value: dict[fx.Node, Tensor] = {}
        self.fixed: dict[fx.Node, Tensor] = {}
        self._nodes: dict[int, fx.Node] = {}

    def enter(self, tensor: Tensor) -> fx.Node:
        return self._note(self.graph.placeholder(f"t{len(self.value)}"), tensor)

    def node(self, tensor: Tensor) -> fx.Node:
        if id(tensor) not in self._nodes:  # made of numbers by Python, such as an index that is a list
            with self.graph.inserting_before(next(iter(self.graph.nodes))):
                self.fixed[self.enter(tensor)] = tensor
        return self._nodes[id(tensor)]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _LOOKS:
            raise Refused(f"it looks at a value ({func.__name__})")
        options = kwargs or {}
        made = func(*args, **options)
        noted_args, noted = tree_map_only(Tensor, self.node, (tuple(args), dict(options)))
        node = self.graph.call_function(func, noted_args, noted)
        if isinstance(made, Tensor):
            self._note(node, made)
        elif isinstance(made, tuple | list):
            for place, part in enumerate(made):
                if isinstance(part, Tensor):
                    self._note(self.graph.call_function(operator.getitem, (node, place)), part)
        return made

    def _note(self, node: fx.Node, tensor: Tensor) -> fx.Node:
        self.value[node] = tensor  # kept, so that no other tensor gets its id
        self._nodes[id(tensor)] = node
        return node


def _simplify(tape: _Tape) -> None:
    """Take out what does nothing, and make each view in one step from the tensor that owns the memory."""
    owners: dict[int, fx.Node] = {}  # the first node on a storage
    views: dict[tuple[Any, ...], fx.Node] = {}
    for node in list(tape.graph.nodes):
        tensor = tape.value.get(node)
        if tensor is None:
            continue
        layout = (tensor.size(), tensor.stride(), tensor.storage_offset(), tensor.dtype)
        memory = tensor.untyped_storage()._cdata
        owner = owners.setdefault(memory, node)
        known = views.setdefault((memory, *layout), node)
        if known is not node and _only_looks(node):
            node.replace_all_uses_with(known)
        elif owner is not node and _only_looks(node):
            node.target = _aten.as_strided.default
            node.args, node.kwargs = (owner, list(layout[0]), list(layout[1]), layout[2]), {}
    tape.graph.eliminate_dead_code()


def _only_looks(node: fx.Node) -> bool:
    """Whether a node gives its input's memory and changes nothing."""
    if node.op != "call_function":
        return False
    if node.target is operator.getitem:  # a part of split, chunk or unbind
        source = node.args[0]
        return isinstance(source, fx.Node) and _only_looks(source)
    target: Any = node.target
    # the second says that its result is new memory, which it is not
    return bool(getattr(target, "is_view", False)) or target is _aten._unsafe_view.default


def _constants(tape: _Tape) -> Made:
    """Make the views of fixed tensors once; return what stands for the graph's first arguments."""
    graph, top = tape.graph, next(iter(tape.graph.nodes))
    known = dict(tape.fixed)
    for node in list(graph.nodes):
        if node.target is _aten.as_strided.default and node.args[0] in tape.fixed:
            with graph.inserting_before(top):
                made = graph.placeholder(f"view{len(known)}")
            known[made] = _aten.as_strided.default(tape.fixed[node.args[0]], *node.args[1:])
            node.replace_all_uses_with(made)
            graph.erase_node(node)
    for node in tape.fixed:
        if not node.users:
            graph.erase_node(node)
            del known[node]
    # the order of the graph's own arguments, in which those that vary stand last
    return tuple(known[node] for node in graph.find_nodes(op="placeholder") if node in known)
