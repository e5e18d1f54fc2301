"""From a sharing table to the plan for a model, and from a model back to the table that says it."""

from __future__ import annotations

from collections.abc import Sequence

from shareviz.errors import PlanError
from shareviz.layers import Row, Stack, sharing_map, stacks
from shareviz.plan import Plan, Rewrite, own
from shareviz.snapshot import Snapshot
from shareviz.strategies import parts_of_stack, strategies, tie_rows
from shareviz.strategies.embeddings import token_tables, vocabulary_heads
from shareviz.tabletext import PARTS, Signs, Table, signs_of
from shareviz.text import plural

_KEYS = {"attention": "a", "feed-forward": "f"}


def table_stack(snapshot: Snapshot) -> Stack:
    """Return the one stack that a table speaks of.

    Raises:
        PlanError: There is none, or more than one.
    """
    found = [stack for stack in stacks(snapshot) if len(stack.layers) > 1]
    if len(found) != 1:
        raise PlanError(
            f"A table speaks of one stack of layers; this model has {len(found) or 'none'}.",
            hint="Choose a strategy, or save the plan as a file.",
        )
    return found[0]


def part_keys(snapshot: Snapshot, stack: Stack) -> tuple[str, ...]:
    """Return for each column the part of the table that it belongs to: a, f, n or r."""
    known = parts_of_stack(snapshot, stack)
    return tuple(
        "n" if known[column].norm else "r" if known[column].fixed else _KEYS.get(known[column].part, "r")
        for column in stack.columns
    )


def plan_of(table: Table, snapshot: Snapshot) -> Plan:
    """Return the plan after which a model shares as the table says.

    Raises:
        PlanError: The model has other layers, or the table does not apply to it.
    """
    rewrites: list[Rewrite] = []
    if table.parts:
        stack = table_stack(snapshot)
        rewrites += tie_rows(snapshot, stack, _rows(table, snapshot, stack))
    if table.tie is not None and table.tie is not head_tied(snapshot):
        rewrites += _head(snapshot, table.tie)
    return Plan(tuple(rewrites))


def table_of(snapshot: Snapshot) -> Table | None:
    """Return the table that says how a model shares in its layers, or None where none can say it.

    What it leaves out (ties across columns, forms) shows in `plan_of(…).apply(…)`, which then differs.
    """
    try:
        stack = table_stack(snapshot)
    except PlanError:
        return None
    found: dict[str, Signs] = {}
    columns = list(zip(part_keys(snapshot, stack), sharing_map(snapshot, stack).rows, strict=True))
    for key in PARTS:
        mine = [row for part, row in columns if part == key]
        if mine:
            fullest = max(mine, key=lambda row: len(row) - row.count(None))
            signs = signs_of(_unique(fullest, fullest))
            if signs is None or any(
                signs_of(_unique(fullest, row)) != signs_of(_unique(row, row)) for row in mine
            ):
                return None
            found[key] = signs
    return Table(tuple(found.items()), head_tied(snapshot))


def head_tied(snapshot: Snapshot) -> bool | None:
    """Return whether an output head is a token table; None where the model has not both."""
    tables, heads = token_tables(snapshot), vocabulary_heads(snapshot)
    if not tables or not heads:
        return None
    regions = {table.region for table in tables}
    return all(head.region in regions for head in heads)


def _rows(table: Table, snapshot: Snapshot, stack: Stack) -> tuple[tuple[Row, ...], ...]:
    said = dict(table.parts)
    now = sharing_map(snapshot, stack)
    keys = part_keys(snapshot, stack)
    for key, signs in said.items():
        if key not in keys:
            raise PlanError(
                f"The layers have no part {PARTS[key]!r}.", hint="Leave this part out of the table."
            )
        if signs and len(signs) != len(stack.layers):
            given, has = plural(len(signs), "layer"), plural(len(stack.layers), "layer")
            raise PlanError(f"The table has {given}, the model {has}.", hint="Write one sign for each layer.")
    return tuple(
        _column(said[key], names) if key in said else row
        for key, names, row in zip(keys, zip(*stack.cells, strict=True), now.rows, strict=True)
    )


def _column(signs: Signs, names: Sequence[str | None]) -> tuple[Row, ...]:
    depth = len(names)
    filled = signs or (None,) * depth
    numbers = (place if sign is None else depth + sign for place, sign in enumerate(filled))
    return tuple(None if name is None else number for name, number in zip(names, numbers, strict=True))


def _unique(row: Sequence[Row], holes: Sequence[Row]) -> list[object]:
    """Return a row in which the holes of another read what no layer reads."""
    return [
        (place,) if hole is None else value
        for place, (value, hole) in enumerate(zip(row, holes, strict=True))
    ]


def _head(snapshot: Snapshot, tied: bool) -> tuple[Rewrite, ...]:
    if tied:
        return strategies()["tied"].plan(snapshot, {"tables": "all"}).rewrites
    return tuple(own(head.name) for head in vocabulary_heads(snapshot))
