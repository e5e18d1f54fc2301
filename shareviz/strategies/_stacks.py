"""Which stacks a strategy means, and which part of a layer each of its columns belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from shareviz.errors import PlanError
from shareviz.layers import Row, Stack, sharing_map, stacks, table_plan
from shareviz.plan import Plan, Rewrite
from shareviz.roles import Role, roles
from shareviz.snapshot import Snapshot
from shareviz.text import clean

# what the last component of a stack's prefix says that its members are; the rest are layers
_KINDS = (("cells", r"cells?"), ("towers", r"towers?"), ("heads", r"\w*heads?"), ("experts", r"experts?"))

ATTENTION, FEED_FORWARD, REST = "attention", "feed-forward", "rest"
_PARTS = {
    Role.ATTENTION: ATTENTION,
    Role.POSITION: ATTENTION,  # relative positions inside a layer serve its attention
    Role.FEED_FORWARD: FEED_FORWARD,
    Role.ROUTER: FEED_FORWARD,
}


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a stack is: the part it belongs to, and whether it is one of its norms.

    `fixed` columns stay as they are under every strategy: an adapter is what a layer has of its own.
    """

    part: str
    norm: bool = False
    fixed: bool = False


def kind(stack: Stack) -> str:
    """Return what the members of a stack are: layers, cells, towers, heads or experts."""
    last = stack.prefix.rpartition(".")[2].lower()
    return next((word for word, pattern in _KINDS if re.fullmatch(pattern, last)), "layers")


def stacks_of(snapshot: Snapshot, wanted: str) -> tuple[Stack, ...]:
    """Return the stacks of one kind that have at least two members."""
    return tuple(stack for stack in stacks(snapshot) if kind(stack) == wanted and len(stack.layers) > 1)


def columns(snapshot: Snapshot, stack: Stack) -> Mapping[str, Column]:
    """Return the part of each column; a norm belongs to the part that its path or its place says."""
    known = roles(snapshot)
    names = {column: next(name for name in stack.column(column) if name) for column in stack.columns}
    found: dict[str, Column] = {}
    loose: list[str] = []
    for column, name in names.items():
        role = known[name]
        if role is not Role.NORM:
            found[column] = Column(_PARTS.get(role, REST), fixed=role is Role.ADAPTER)
    weighted = dict(found)
    for column, name in names.items():
        if known[name] is Role.NORM:
            part = _beside(column, weighted)
            loose += [] if part else [column]
            found[column] = Column(part or REST, norm=True)
    return {**found, **_by_place(loose, weighted, found)}


def share_rows(
    snapshot: Snapshot,
    stack: Stack,
    pattern: Sequence[int],
    shared: Callable[[Column], bool],
) -> tuple[tuple[Row, ...], ...]:
    """Return the rows of a table in which the columns that `shared` picks follow `pattern`.

    Layers whose tensors differ in shape or dtype never share a row; other columns stay as they are.
    """
    now = sharing_map(snapshot, stack)
    parts = columns(snapshot, stack)
    table = []
    for place, column in enumerate(stack.columns):
        what = parts[column]
        if what.fixed or not shared(what):
            table.append(now.rows[place])
            continue
        rows: dict[object, int] = {}
        names = stack.column(column)
        table.append(
            tuple(
                None
                if name is None
                else rows.setdefault((pattern[position], *_likeness(snapshot, name)), position)
                for position, name in enumerate(names)
            )
        )
    return tuple(table)


def tie_rows(snapshot: Snapshot, stack: Stack, rows: Sequence[Sequence[Row]]) -> tuple[Rewrite, ...]:
    """Return the ties that give a stack these rows.

    Raises:
        PlanError: Layers that are one module object would need rows of their own.
    """
    plan = table_plan(snapshot, stack, rows)
    often = {name for column in zip(*stack.cells, strict=True) for name in _twice(column)}
    for rewrite in plan.rewrites:
        if rewrite.name in often:
            raise PlanError(
                f"Layers of {clean(stack.prefix, 60)} are one module object, so they cannot get rows apart.",
                hint="Start from a model that builds each layer anew.",
            )
    return plan.rewrites


def tie_all(snapshot: Snapshot, found: Sequence[Stack], title: str) -> Plan:
    """Return the plan in which all members of each stack read the tensors of the first."""
    rewrites = [
        tie_rows(snapshot, stack, share_rows(snapshot, stack, (0,) * len(stack.layers), lambda _: True))
        for stack in found
    ]
    plan = Plan(tuple(chain.from_iterable(rewrites)), title)
    if not plan.rewrites:
        raise PlanError(
            f"All members of {clean(found[0].prefix, 60)} already read the same tensors.",
            hint="Start from a model that builds each of them anew.",
        )
    return plan


def _likeness(snapshot: Snapshot, name: str) -> tuple[object, ...]:
    slot = snapshot.by_name.get(name)
    return (slot.shape, slot.dtype) if slot else (snapshot.derived_by_name[name].shape, "")


def _twice(names: Sequence[str | None]) -> set[str]:
    kept = [name for name in names if name is not None]
    return {name for name in kept if kept.count(name) > 1} if len(set(kept)) < len(kept) else set()


def _beside(column: str, weighted: Mapping[str, Column]) -> str:
    """Return the one part that stands below the innermost path which holds the norm and any weight."""
    path = column
    while path:
        path = path.rpartition(".")[0]
        here = {what.part for name, what in weighted.items() if not path or name.startswith(f"{path}.")}
        if here:
            return here.pop() if len(here) == 1 else ""
    return ""


def _by_place(
    loose: Sequence[str], weighted: Mapping[str, Column], found: Mapping[str, Column]
) -> dict[str, Column]:
    """Give each norm of the layer itself to a part, in order, attention before feed-forward.

    Parts that hold a norm already take none, and each attention (self, cross) counts once. Llama
    defines both norms after both parts, BERT each after its part, GPT-2 before it: the order of
    the norms among themselves is what they agree on.
    """
    modules = dict.fromkeys(loose)  # a norm's weight and bias go together
    norms = list(dict.fromkeys(column.rpartition(".")[0] or column for column in modules))
    served = {what.part for what in found.values() if what.norm and what.part != REST}
    takers = [
        part
        for part in (ATTENTION, FEED_FORWARD)
        if part not in served
        for _ in {_top(name) for name, what in weighted.items() if what.part == part}
    ]
    if not takers or len(norms) < len(set(takers)):
        return {}
    placed = {norm: takers[place * len(takers) // len(norms)] for place, norm in enumerate(norms)}
    return {column: Column(placed[column.rpartition(".")[0] or column], norm=True) for column in modules}


def _top(column: str) -> str:
    """Return the component that tells self from cross attention: all but tensor and projection."""
    return column.split(".")[0] if column.count(".") < 3 else ".".join(column.split(".")[:-2])
