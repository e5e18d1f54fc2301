"""A pickled nn.Module as a tree, from its inert records: nothing of it is built or run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shareviz.formats._opcodes import Record
from shareviz.formats._slots import Leaf
from shareviz.formats._states import is_module
from shareviz.formats._torch import TensorRecord
from shareviz.snapshot import ALIAS_LIMIT, Kind, Module


@dataclass(frozen=True, slots=True)
class Tree:
    """The modules of a pickled model, each object once, in the order of named_modules."""

    order: tuple[Record, ...]
    paths: dict[int, list[str]]  # by id of the record: the first path, then further ones to the limit
    counts: dict[int, int]

    def modules(self) -> tuple[Module, ...]:
        """Return the tree as a Snapshot holds it."""
        return tuple(self._module(record) for record in self.order)

    def leaves(self) -> Iterator[Leaf]:
        """Yield the parameters and buffers of each module under its first path."""
        for record in self.order:
            path = self.paths[id(record)][0]
            for part, kind in (("_parameters", Kind.PARAMETER), ("_buffers", Kind.BUFFER)):
                for name, value in record.state[part].items():
                    if isinstance(value, TensorRecord):
                        yield Leaf(_join(path, str(name)), path, value, kind)

    def _module(self, record: Record) -> Module:
        first, *aliases = self.paths[id(record)]
        return Module(first, _class_name(record), tuple(aliases[:ALIAS_LIMIT]), self.counts[id(record)])


def tree_of(root: Record) -> Tree:
    """Return the tree below a pickled module; paths are counted exactly, and listed to the limit."""
    firsts = _first_paths(root)
    paths = {id(record): [path] for record, path in firsts}
    counts = {id(root): 1}
    parents, closing = _parents_first(root)
    for module in parents:
        for name, child in _children(module):
            if (id(module), name) in closing:
                continue
            counts[id(child)] = counts.get(id(child), 0) + counts[id(module)]
            known = paths[id(child)]
            room = ALIAS_LIMIT + 1 - len(known)
            further = (_join(path, name) for path in paths[id(module)][: room + 1])
            known += [path for path in further if path != known[0]][:room]
    return Tree(tuple(record for record, _ in firsts), paths, counts)


def _first_paths(root: Record) -> list[tuple[Record, str]]:
    """Return each module once, depth first, with the path by which it is met."""
    met: dict[int, tuple[Record, str]] = {}
    stack = [(root, "")]
    while stack:
        module, path = stack.pop()
        if id(module) not in met:
            met[id(module)] = (module, path)
            stack.extend((child, _join(path, name)) for name, child in reversed(_children(module)))
    return list(met.values())


def _parents_first(root: Record) -> tuple[list[Record], set[tuple[int, str]]]:
    """Return the modules, each after all that hold it, and the edges that close a cycle."""
    done: list[Record] = []
    is_open = {id(root): True}
    closing: set[tuple[int, str]] = set()
    stack = [(root, iter(reversed(_children(root))))]
    while stack:
        module, children = stack[-1]
        for name, child in children:
            if id(child) not in is_open:
                is_open[id(child)] = True
                stack.append((child, iter(reversed(_children(child)))))
                break
            if is_open[id(child)]:
                closing.add((id(module), name))
        else:
            is_open[id(module)] = False
            done.append(module)
            stack.pop()
    return done[::-1], closing


def _children(module: Record) -> list[tuple[str, Record]]:
    return [(str(name), child) for name, child in module.state["_modules"].items() if is_module(child)]


def _class_name(record: Record) -> str:
    return record.maker.short


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
