"""Paths through a graph of modules in which nodes are shared: exponentially many, sometimes endless.

The graph is walked as it is, each node once. Paths are counted exactly and listed to a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shareviz.snapshot import ALIAS_LIMIT

N = TypeVar("N")
Children = Callable[[N], Sequence[tuple[str, N]]]


@dataclass(frozen=True, slots=True)
class Tree(Generic[N]):
    """The nodes below a root, each once, depth first, as torch's named_modules meets them.

    `paths` and `counts` go by the id of a node: its first path then further ones, at most
    `ALIAS_LIMIT` of them, and the number of all paths that do not run in a circle. `cycles` are
    the paths that lead back to a node above.
    """

    order: tuple[N, ...]
    paths: dict[int, list[str]]
    counts: dict[int, int]
    cycles: tuple[str, ...]


def tree_of(root: N, children: Children[N]) -> Tree[N]:
    """Return the nodes below a root and their paths, in time linear in nodes and edges.

    Args:
        children: Returns the (name, node) pairs below a node, in definition order.
    """
    firsts = _first_paths(root, children)
    paths = {id(node): [path] for node, path in firsts}
    counts = {id(root): 1}
    cycles = []
    parents, closing = _parents_first(root, children)
    for node in parents:
        known_here = paths[id(node)]
        for name, child in children(node):
            if (id(node), name) in closing:
                cycles.append(join(known_here[0], name))
                continue
            counts[id(child)] = counts.get(id(child), 0) + counts[id(node)]
            known = paths[id(child)]
            if len(known_here) > 1 or join(known_here[0], name) != known[0]:
                room = ALIAS_LIMIT + 1 - len(known)
                further = (join(path, name) for path in known_here[: room + 1])
                known += [path for path in further if path != known[0]][:room]
    return Tree(tuple(node for node, _ in firsts), paths, counts, tuple(cycles))


def join(path: str, name: str) -> str:
    """Return the path of a child; the root's path is empty."""
    return f"{path}.{name}" if path else name


def _first_paths(root: N, children: Children[N]) -> list[tuple[N, str]]:
    met: dict[int, tuple[N, str]] = {}
    stack = [(root, "")]
    while stack:
        node, path = stack.pop()
        if id(node) not in met:
            met[id(node)] = (node, path)
            stack.extend((child, join(path, name)) for name, child in reversed(children(node)))
    return list(met.values())


def _parents_first(root: N, children: Children[N]) -> tuple[list[N], set[tuple[int, str]]]:
    """Return the nodes, each after all that hold it, and the edges that close a cycle."""
    done: list[N] = []
    is_open = {id(root): True}
    closing: set[tuple[int, str]] = set()
    stack = [(root, iter(reversed(children(root))))]
    while stack:
        node, below = stack[-1]
        for name, child in below:
            if id(child) not in is_open:
                is_open[id(child)] = True
                stack.append((child, iter(reversed(children(child)))))
                break
            if is_open[id(child)]:
                closing.add((id(node), name))
        else:
            is_open[id(node)] = False
            done.append(node)
            stack.pop()
    return done[::-1], closing
