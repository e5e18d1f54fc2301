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
    walk = _walked(root, children)
    if sum(map(len, walk.below.values())) == len(walk.order) - 1:  # nothing is shared: one path to each
        return Tree(tuple(walk.order), walk.paths, dict.fromkeys(walk.paths, 1), ())
    counts = {id(root): 1}
    cycles = []
    parents, closing = _parents_first(walk)
    for node in parents:
        known_here = walk.paths[id(node)]
        for name, child in walk.below[id(node)]:
            if (id(node), name) in closing:
                cycles.append(join(known_here[0], name))
                continue
            counts[id(child)] = counts.get(id(child), 0) + counts[id(node)]
            known = walk.paths[id(child)]
            if len(known_here) > 1 or join(known_here[0], name) != known[0]:
                room = ALIAS_LIMIT + 1 - len(known)
                further = (join(path, name) for path in known_here[: room + 1])
                known += [path for path in further if path != known[0]][:room]
    return Tree(tuple(walk.order), walk.paths, counts, tuple(cycles))


def join(path: str, name: str) -> str:
    """Return the path of a child; the root's path is empty."""
    return f"{path}.{name}" if path else name


@dataclass(slots=True)
class _Walk(Generic[N]):
    """The nodes as they are met, and by their id their paths, so far the first, and what is below them."""

    order: list[N]
    paths: dict[int, list[str]]
    below: dict[int, Sequence[tuple[str, N]]]


def _walked(root: N, children: Children[N]) -> _Walk[N]:
    walk: _Walk[N] = _Walk([], {}, {})
    stack = [(root, "")]
    while stack:
        node, path = stack.pop()
        key = id(node)
        if key not in walk.paths:
            walk.order.append(node)
            walk.paths[key] = [path]
            walk.below[key] = found = children(node)
            if found:
                dot = f"{path}." if path else ""
                stack += [(child, dot + name) for name, child in reversed(found)]
    return walk


def _parents_first(walk: _Walk[N]) -> tuple[list[N], set[tuple[int, str]]]:
    """Return the nodes, each after all that hold it, and the edges that close a cycle."""
    done: list[N] = []
    root = walk.order[0]
    is_open = {id(root): True}
    closing: set[tuple[int, str]] = set()
    stack = [(root, iter(reversed(walk.below[id(root)])))]
    while stack:
        node, below = stack[-1]
        for name, child in below:
            if id(child) not in is_open:
                is_open[id(child)] = True
                stack.append((child, iter(reversed(walk.below[id(child)]))))
                break
            if is_open[id(child)]:
                closing.add((id(node), name))
        else:
            is_open[id(node)] = False
            done.append(node)
            stack.pop()
    return done[::-1], closing
