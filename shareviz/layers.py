"""Repeated blocks: the stacks of a model, which row each layer reads, and the way back to a plan.

A stack is found in names alone: members of one numbered prefix that hold the same columns. Holes
are allowed, and one prefix can hold two stacks (Zamba2).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shareviz.errors import PlanError
from shareviz.once import once
from shareviz.plan import Plan, Rewrite, own, tie
from shareviz.sharing import reads
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean

Row = int | None
_MOST_KINDS = 128  # of members below one prefix: a hostile file has as many as members
Signature = frozenset[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class Stack:
    """Blocks that repeat. `layers` are the numbers in the names, `columns` the names inside a block.

    `cells[i][j]` is the first name of the slot that layer i reads in column j, or None for a hole.
    A module that stands at several numbers gives its slot to each of them.
    """

    prefix: str
    layers: tuple[int, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[str | None, ...], ...]

    def column(self, name: str) -> tuple[str | None, ...]:
        """Return the names of one column, by layer position."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.cells)

    def path(self, position: int) -> str:
        """Return the module path of the layer at a position."""
        return f"{self.prefix}.{self.layers[position]}" if self.prefix else str(self.layers[position])

    def slots(self) -> tuple[str, ...]:
        """Return every slot's name once, in order of layers and columns."""
        return tuple(dict.fromkeys(name for row in self.cells for name in row if name is not None))


@dataclass(frozen=True, slots=True)
class SharingMap:
    """For each column the row that each layer reads: the position of the first layer with it.

    A hole is None. `rows[j][i]` belongs to column j and layer position i.
    """

    stack: Stack
    rows: tuple[tuple[Row, ...], ...]

    def row(self, column: str) -> tuple[Row, ...]:
        """Return the rows of one column, by layer position."""
        return self.rows[self.stack.columns.index(column)]

    @property
    def blocks(self) -> int:
        """Number of stored blocks: the most rows that any column stores."""
        return max((len({row for row in column if row is not None}) for column in self.rows), default=0)


@once
def stacks(snapshot: Snapshot) -> tuple[Stack, ...]:
    """Return the stacks, outermost numbers first, largest first among equals in order of definition.

    A numbered prefix is a stack when at least two members hold mostly the same columns and shapes,
    or when one member is run more than once in a traced forward pass.
    """
    slots = {slot.name: slot for slot in _named(snapshot)}
    pending = [(name, slot.name) for slot in slots.values() for name in snapshot.names_of(slot)]
    found: list[Stack] = []
    depth = 0
    while pending:
        grouped, pending = _grouped(pending, depth)
        for prefix, members in grouped.items():
            made = _split(prefix, members, slots, snapshot)
            found += made
            covered = {layer for stack in made for layer in stack.layers}
            for layer, columns in members.items():
                if layer not in covered:
                    base = f"{prefix}.{layer}." if prefix else f"{layer}."
                    pending += [(base + column, name) for column, name in columns.items()]
        depth += 1
    return tuple(found)


def sharing_map(snapshot: Snapshot, stack: Stack) -> SharingMap:
    """Return which row each layer reads, column by column; `table_plan` is its inverse."""
    kept = next((found for found in _maps(snapshot) if found.stack is stack), None)
    return kept or _map(snapshot, stack)


@once
def _maps(snapshot: Snapshot) -> tuple[SharingMap, ...]:
    return tuple(_map(snapshot, stack) for stack in stacks(snapshot))


def _map(snapshot: Snapshot, stack: Stack) -> SharingMap:
    rows = []
    for column in stack.columns:
        firsts: dict[object, int] = {}
        row: list[Row] = []
        for position, name in enumerate(stack.column(column)):
            row.append(None if name is None else firsts.setdefault(identity(snapshot, name), position))
        rows.append(tuple(row))
    return SharingMap(stack, tuple(rows))


def table_plan(snapshot: Snapshot, stack: Stack, rows: Sequence[Sequence[Row]], *, title: str = "") -> Plan:
    """Return the plan after which `sharing_map` gives these rows; any numbers may name the rows.

    Only cells whose row changes are rewritten, so the plan of a model's own map is empty.

    Raises:
        PlanError: The table does not fit the stack, or a hole is given a row.
    """
    if len(rows) != len(stack.columns) or any(len(row) != len(stack.layers) for row in rows):
        raise PlanError(
            f"The table must have {len(stack.columns)} columns of {len(stack.layers)} layers.",
            hint="Make it from the sharing map of this stack.",
        )
    now = sharing_map(snapshot, stack)
    rewrites: dict[str, Rewrite] = {}
    for place, column in enumerate(stack.columns):
        names = stack.column(column)
        for position, row in enumerate(canonical(rows[place], names, f"{stack.prefix} {column}")):
            name = names[position]
            if name is None or row is None or row == now.rows[place][position]:
                continue
            owner = names[row]
            rewrites[name] = own(name) if row == position or owner is None else tie(name, owner)
    return Plan(tuple(rewrites.values()), title)


def canonical(row: Sequence[Row], names: Sequence[str | None], where: str) -> tuple[Row, ...]:
    """Return a column's rows renamed to the first position that reads each; holes stay None."""
    firsts: dict[int, int] = {}
    out: list[Row] = []
    for position, (value, name) in enumerate(zip(row, names, strict=True)):
        if name is None or value is None:
            if name is not None or value is not None:
                raise PlanError(
                    f"{clean(where, 80)}: layer {position} is a hole on one side only.",
                    hint="Leave holes as they are.",
                )
            out.append(None)
        else:
            out.append(firsts.setdefault(value, position))
    return tuple(out)


def passes(snapshot: Snapshot, stack: Stack) -> tuple[int, ...]:
    """Return the layer positions in the order in which the forward pass runs them.

    A block that is called twelve times appears twelve times. Without a trace, and where layers
    share one module, it is the order of the numbers.
    """
    plain = tuple(range(len(stack.layers)))
    marks = {
        next((name for name in row if name is not None), None): position
        for position, row in enumerate(stack.cells)
    }
    if snapshot.steps is None or len(marks) < len(stack.layers):
        return plain
    taken = reads(snapshot) or Counter[str]()
    marks = _read_marks(stack, taken)
    order = [
        marks[name] for step in snapshot.steps if not step.makes for name, _ in step.reads if name in marks
    ]
    return tuple(order) if set(order) == set(plain) else plain


def identity(snapshot: Snapshot, name: str) -> object:
    """Return a value that is equal for names which read the same elements in the same way."""
    weight = snapshot.derived_by_name.get(name)
    if weight is not None:
        return (weight.form, *(identity(snapshot, piece) for piece in weight.reads))
    slot = snapshot.by_name[name]
    return (slot.region, slot.shape, slot.dtype) if slot.region is not None else name


def _read_marks(stack: Stack, taken: Counter[str]) -> dict[str | None, int]:
    """Return, for each layer, one name that its pass reads exactly once."""
    marks: dict[str | None, int] = {}
    for position, row in enumerate(stack.cells):
        read = [name for name in row if name is not None and taken[name]]
        if read:
            marks[min(read, key=lambda name: taken[name] and row.index(name))] = position
    return marks


def _named(snapshot: Snapshot) -> Iterable[Tensor | Derived]:
    yield from (slot for slot in snapshot.parameters() if slot.name not in snapshot.pieces)
    yield from snapshot.derived


def _grouped(
    pending: list[tuple[str, str]], depth: int
) -> tuple[dict[str, dict[int, dict[str, str]]], list[tuple[str, str]]]:
    """Group (path, slot) pairs by the numbered component at a depth, counted from outside."""
    grouped: dict[str, dict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for path, name in pending:
        parts = path.split(".")
        digits = [place for place, part in enumerate(parts[:-1]) if part.isdecimal() and len(part) < 8]
        if depth < len(digits):
            place = digits[depth]
            prefix, column = ".".join(parts[:place]), ".".join(parts[place + 1 :])
            grouped[prefix][int(parts[place])][column] = name
    return {prefix: dict(members) for prefix, members in grouped.items()}, []


def _split(
    prefix: str,
    members: dict[int, dict[str, str]],
    slots: dict[str, Tensor | Derived],
    snapshot: Snapshot,
) -> list[Stack]:
    """Split one prefix into stacks around its fullest members, by votes rather than pairwise."""
    signatures = {
        layer: frozenset((column, slots[name].shape) for column, name in columns.items())
        for layer, columns in members.items()
    }
    votes = Counter(signatures.values())
    fullest_first = sorted(votes, key=lambda one: (votes[one] * len(one), len(one)), reverse=True)
    found: list[Stack] = []
    for fullest in fullest_first[:_MOST_KINDS]:
        if fullest not in votes:  # it joined a fuller one
            continue
        alike = {have for have in votes if _alike(have, fullest)}
        joined = [layer for layer, have in signatures.items() if have in alike]
        # a lone member is a stack where it is a block by itself that runs again and again (ALBERT)
        alone = len(members) == 1 and any("." in column for column in members[joined[0]])
        if len(joined) >= 2 or (alone and _runs_often(members[joined[0]], slots, snapshot)):
            found.append(_stack(prefix, sorted(joined), members))
        for have in alike:
            del votes[have]
    return found


def _alike(have: Signature, fullest: Signature) -> bool:
    common = len(have & fullest)
    return 2 * common >= max(len(have), len(fullest)) and common > 0


def _runs_often(columns: dict[str, str], slots: dict[str, Tensor | Derived], snapshot: Snapshot) -> bool:
    taken = reads(snapshot)
    if taken is None:
        return False
    often = sum(taken[name] >= 2 * slots[name].numel > 0 for name in columns.values())
    return 2 * often > len(columns)


def _stack(prefix: str, layers: list[int], members: dict[int, dict[str, str]]) -> Stack:
    fullest = max((members[layer] for layer in layers), key=len)
    columns = dict.fromkeys(fullest)
    for layer in layers:
        columns.update(dict.fromkeys(members[layer]))
    cells = tuple(tuple(members[layer].get(column) for column in columns) for layer in layers)
    return Stack(prefix, tuple(layers), tuple(columns), cells)
