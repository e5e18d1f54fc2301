"""A pickled nn.Module as a tree, from its inert records: nothing of it is built or run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shareviz.formats._opcodes import Record
from shareviz.formats._slots import Leaf
from shareviz.formats._states import is_module
from shareviz.formats._torch import TensorRecord
from shareviz.paths import Tree, join, tree_of
from shareviz.snapshot import Kind, Module


@dataclass(frozen=True, slots=True)
class Pickled:
    """The modules of a pickled model, each object once."""

    tree: Tree[Record]

    def modules(self) -> tuple[Module, ...]:
        """Return the tree as a Snapshot holds it."""
        return tuple(self._module(record) for record in self.tree.order)

    def leaves(self) -> Iterator[Leaf]:
        """Yield the parameters and buffers of each module under its first path."""
        for record in self.tree.order:
            path = self.tree.paths[id(record)][0]
            for part, kind in (("_parameters", Kind.PARAMETER), ("_buffers", Kind.BUFFER)):
                for name, value in record.state[part].items():
                    if isinstance(value, TensorRecord):
                        yield Leaf(join(path, str(name)), path, value, kind)

    def _module(self, record: Record) -> Module:
        first, *aliases = self.tree.paths[id(record)]
        return Module(first, _class_name(record), tuple(aliases), self.tree.counts[id(record)])


def pickled_modules(root: Record) -> Pickled:
    """Return the tree below a pickled module; paths are counted exactly, and listed to the limit."""
    return Pickled(tree_of(root, _children))


def _children(module: Record) -> list[tuple[str, Record]]:
    return [(str(name), child) for name, child in module.state["_modules"].items() if is_module(child)]


def _class_name(record: Record) -> str:
    return record.maker.short
