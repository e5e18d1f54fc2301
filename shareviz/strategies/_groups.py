"""Matrices of repeated layers in groups that share a piece: which, and the rewrites that say so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shareviz.errors import PlanError
from shareviz.forms import Form
from shareviz.layers import Stack
from shareviz.plan import Rewrite
from shareviz.roles import TABLES, Role, roles
from shareviz.snapshot import Region, Snapshot, Tensor
from shareviz.strategies._base import Values
from shareviz.strategies._formed import formed
from shareviz.strategies._stacks import columns
from shareviz.strategies.depth import depth_stacks, picked

_OUTSIDE = TABLES | {Role.HEAD, Role.NORM, Role.ADAPTER}


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors of one column of a stack that are alike, one name each, in the order of the layers."""

    names: tuple[str, ...]
    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        """Elements of all of them."""
        rows, inputs = sides(self.shape)
        return len(self.names) * rows * inputs


def sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return a shape as a matrix: the first axis, and all others together."""
    width = 1
    for size in shape[1:]:
        width *= size
    return shape[0], width


def groups(snapshot: Snapshot, values: Values, layers: int = 0) -> tuple[Group, ...]:
    """Return the matrices of all stacks of layers, by column, in the parts that the options pick.

    Args:
        layers: How many neighbours make a group; 0 means all of a stack.

    Raises:
        PlanError: No repeated layers, or no matrix in these parts.
    """
    shared, seen = picked(values), set[Region]()
    found: list[Group] = []
    for stack in depth_stacks(snapshot):
        parts = columns(snapshot, stack)
        for column in stack.columns:
            if not parts[column].norm and not parts[column].fixed and shared(parts[column]):
                found += _column(snapshot, stack, (column, layers), seen)
    if not found:
        raise PlanError(
            f"The repeated layers hold no {_said(values)}matrices that stand apart.",
            hint="Share both parts, or start from the model without ties.",
        )
    return tuple(found)


def sharing(
    snapshot: Snapshot, made: Sequence[tuple[Group, Form]], piece: dict[str, str]
) -> tuple[Rewrite, ...]:
    """Return the rewrites by which every name of a group takes one piece from its first name.

    Args:
        made: Groups with the form of their members.
        piece: The shared piece of each group, by its first name.
    """
    firsts = {name: group.names[0] for group, _ in made for name in group.names}
    rewrites = formed(snapshot, {name: form for group, form in made for name in group.names})
    return tuple(
        replace(rewrite, reads=((piece[first], first),))
        if not rewrite.reads and (first := firsts[rewrite.name]) != rewrite.name
        else rewrite
        for rewrite in rewrites
    )


def inner_matrices(snapshot: Snapshot, values: Values) -> tuple[Tensor, ...]:
    """Return the matrices that are no table, head, norm or adapter, one for each stored tensor.

    Raises:
        PlanError: There is none in the part that the options pick.
    """
    wanted = {"attention": (Role.ATTENTION,), "feed-forward": (Role.FEED_FORWARD, Role.ROUTER)}
    chosen = wanted.get(str(values.get("parts", "both")))
    known, seen = roles(snapshot), set[Region]()
    found = []
    for slot in snapshot.parameters():
        role = known[slot.name]
        if len(slot.shape) < 2 or slot.region is None or slot.region in seen or slot.name in snapshot.pieces:
            continue
        if role not in _OUTSIDE and (chosen is None or role in chosen):
            seen.add(slot.region)
            found.append(slot)
    if not found:
        raise PlanError(
            f"The model holds no {_said(values)}matrices beside its tables, heads and norms.",
            hint="Choose both parts, or a model with layers of its own.",
        )
    return tuple(found)


def _column(snapshot: Snapshot, stack: Stack, wanted: tuple[str, int], seen: set[Region]) -> Iterator[Group]:
    column, layers = wanted
    alike: dict[object, list[str]] = defaultdict(list)
    for position, name in enumerate(stack.column(column)):
        slot = snapshot.by_name.get(name) if name else None
        if slot is None or slot.region is None or len(slot.shape) < 2 or slot.region in seen:
            continue
        seen.add(slot.region)
        alike[position // layers if layers else 0, slot.shape, slot.dtype].append(slot.name)
    for names in alike.values():
        if len(names) > 1:
            yield Group(tuple(names), snapshot.by_name[names[0]].shape)


def _said(values: Values) -> str:
    return "" if values.get("parts", "both") == "both" else f"{values['parts']} "
