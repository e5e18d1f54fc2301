"""What is shared in a model, as words that follow from the model itself and not from a strategy's name."""

from __future__ import annotations

from collections.abc import Iterator

from shareviz.forms import Factor, Hashed, HashedRows, LowRank, Mix, Rows, Scaled
from shareviz.layers import Stack, identity, passes, stacks
from shareviz.once import once
from shareviz.roles import TABLES, Role, roles
from shareviz.sharing import readers
from shareviz.snapshot import Snapshot
from shareviz.strategies import parts_of_stack, stack_kind
from shareviz.strategies.embeddings import token_heads
from shareviz.strategies.grouped import key_values

DEEP = 18  # layers


@once
def shared_words(snapshot: Snapshot) -> frozenset[str]:
    """Return what is shared: attention, feed-forward, norms, tables, heads, pieces; and what the model is.

    Example:
        >>> sorted(shared_words(Snapshot((), storages=())))
        []
    """
    found = {word for stack in stacks(snapshot) for word in _of_stack(snapshot, stack)}
    return frozenset({*found, *_of_tables(snapshot), *_of_pieces(snapshot), *_of_model(snapshot)})


def _of_stack(snapshot: Snapshot, stack: Stack) -> Iterator[str]:
    run, kind = len(passes(snapshot, stack)), stack_kind(stack)
    columns = parts_of_stack(snapshot, stack)
    rows = {column: _rows(snapshot, stack, column) for column in stack.columns}
    shared = {
        column: row
        for column, row in rows.items()
        if len(set(row)) < max(run, len(row)) and len(row) * run > 1
    }
    if not shared:
        return
    if kind in ("towers", "cells"):
        yield (
            "trunk"
            if kind == "towers" and any(stack_kind(one) == "heads" for one in stacks(snapshot))
            else kind
        )
        return
    if kind != "layers":
        return
    for column in shared:
        what = columns[column]
        yield "norms shared" if what.norm else f"{what.part} shared"
    yield from _order(min(shared.values(), key=lambda row: len(set(row))))
    if run >= DEEP:
        yield "deep"


def _order(rows: list[int]) -> Iterator[str]:
    """Yield how the layers of a column share: rows by first use."""
    alone = [row for row in rows if rows.count(row) == 1]
    ends = {rows[0], rows[-1]} <= set(alone)
    if len(set(rows)) == 1:
        yield "one block"
    elif 2 * len(alone) > len(rows) and len(alone) > 2:
        yield "most layers own"  # a shared block at intervals
    else:
        yield "several blocks"
        if ends:
            yield "own ends"
        elif rows == sorted(rows):
            yield "neighbours"


def _rows(snapshot: Snapshot, stack: Stack, column: str) -> list[int]:
    """Return the stored tensor of each layer by first use; the base that corrections share counts as it."""
    numbers: dict[object, int] = {}
    found = []
    for name in stack.column(column):
        if name is None:
            continue
        weight = snapshot.derived_by_name.get(name)
        key = identity(snapshot, name)
        if weight is not None and isinstance(weight.form, LowRank):
            key = identity(snapshot, weight.reads[0])
        found.append(numbers.setdefault(key, len(numbers)))
    return found


def _of_tables(snapshot: Snapshot) -> Iterator[str]:
    known, heads = roles(snapshot), token_heads(snapshot)
    for slots in readers(snapshot):
        tables = [slot for slot in slots if known[slot.name] is Role.EMBEDDING]
        if tables and any(slot.name in heads for slot in slots):
            yield "tied tables"
            if len(tables) > 1:
                yield "three tables"


def _of_pieces(snapshot: Snapshot) -> Iterator[str]:
    known = roles(snapshot)
    keys = {part.name for part in key_values(snapshot)}
    local = {module.path for module in snapshot.modules if "Local" in module.cls}
    readers_of: dict[object, int] = {}
    for weight in snapshot.derived:
        for piece in weight.reads:
            region = snapshot.by_name[piece].region
            readers_of[region] = readers_of.get(region, 0) + 1
    frozen = any(slot.trainable is False for slot in snapshot.parameters())
    for weight in snapshot.derived:
        shared = any(readers_of[snapshot.by_name[piece].region] > 1 for piece in weight.reads)
        match weight.form:
            case Factor() if known[weight.name] in TABLES:
                yield "narrow table"
            case Factor():
                yield "basis" if shared else "low rank"
            case Mix():
                yield "atoms"
            case HashedRows():
                yield "hashed table"
            case Hashed():
                yield "hashed"
            case Scaled():
                yield "shared adapter"
            case LowRank():
                yield "adapter" if frozen else "corrections"
            case Rows() if weight.name in keys:
                yield "kv heads"
            case Rows() if weight.module in local:
                yield "kernel"


def _of_model(snapshot: Snapshot) -> Iterator[str]:
    known = set(roles(snapshot).values())
    if token_heads(snapshot):
        yield "writes text"
    elif Role.CONVOLUTION in known and Role.ATTENTION in known:
        yield "images"
