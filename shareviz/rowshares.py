"""Rows of a table of layers that share their weights: a plan over the model that the table builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shareviz.design import Design, presets
from shareviz.errors import PlanError
from shareviz.kinds import kinds
from shareviz.layertable import Flow, Row, RowError
from shareviz.painting import Painted, design_of
from shareviz.plan import Plan, Rewrite, tie
from shareviz.snapshot import Snapshot
from shareviz.text import listed, shape

Shares = Mapping[
    int, int
]  # row → the earlier row whose weights it reads; its own number: one for all repeats
_TABLES = {"embedding", "head"}


def partners(rows: Sequence[Row], number: int) -> tuple[int, ...]:
    """Return the rows that a row may name: earlier ones of its kind, its table, or itself where it repeats.

    Whether the sizes agree, `share_plan` says.
    """
    row = rows[number - 1]
    if not kinds()[row.kind].weights:
        return ()
    mine = {row.kind} | (_TABLES if row.kind == "head" else set())
    earlier = (place for place, other in enumerate(rows[: number - 1], 1) if other.kind in mine)
    return (*earlier, *((number,) if row.repeats > 1 else ()))


def share_plan(table: Flow, shares: Shares, snapshot: Snapshot) -> Plan:
    """Return the ties after which each named row reads the weights of another.

    Layers of a longer row take turns with those of a shorter one. A head takes the table of an
    embedding and keeps its own bias.

    Raises:
        RowError: A row that cannot be named, or whose weights have other sizes; the row is named.
    """
    rewrites: list[Rewrite] = []
    for number, owner in sorted(shares.items()):
        if not 0 < number <= len(table.rows) or owner not in partners(table.rows, number):
            raise RowError(
                f"Row {number} cannot share with row {owner}.",
                row=number,
                hint="Name an earlier row of the same kind.",
            )
        rewrites += _ties(table, number, owner, snapshot)
    return Plan(tuple(rewrites))


def shared_design(table: Flow, shares: Shares, snapshot: Snapshot, base: Design) -> Design:
    """Return the shortest design that says a way to share and, after it, the rows that share.

    Raises:
        RowError: As `share_plan`.
        PlanError: The way to share does not apply, or moves what a row reads.
    """
    if not shares:
        return base
    plan = base.plan(snapshot).then(share_plan(table, shares, snapshot))
    plan = Plan(plan.rewrites, frozen=plan.frozen)
    return design_of(snapshot, Painted(plan, plan.apply(snapshot)), _known(snapshot))


def shares_of(table: Flow, after: Snapshot) -> dict[int, int]:
    """Return the rows that read the weights of another in a model under any plan."""
    regions = {slot.name: slot.region for slot in after.parameters()}
    found: dict[int, int] = {}
    for number in range(1, len(table.rows) + 1):
        for owner in partners(table.rows, number):
            pairs = [pair for one in _pairs(table, number, owner, after) for pair in one]
            tied = [(a, b) for a, b in pairs if regions.get(a) is not None and regions[a] == regions.get(b)]
            if pairs and len(tied) == len(pairs):
                found[number] = owner
                break
    return found


def _ties(table: Flow, number: int, owner: int, snapshot: Snapshot) -> list[Rewrite]:
    made: list[Rewrite] = []
    shapes = {slot.name: slot.shape for slot in snapshot.parameters()}
    for layer in _pairs(table, number, owner, snapshot):
        for reader, read in layer:
            if shapes[reader] != shapes.get(read):
                raise _unlike(table, (number, owner), (reader, shapes[reader]), shapes.get(read))
            made.append(tie(reader, read))
    return made


def _pairs(table: Flow, number: int, owner: int, snapshot: Snapshot) -> list[list[tuple[str, str]]]:
    """Return, layer by layer, each name of a row with the name that it would read."""
    readers, owners = _layers(table, number), _layers(table, owner)
    only = {"weight"} if table.rows[number - 1].kind != table.rows[owner - 1].kind else None
    out = []
    for place, reader in enumerate(readers):
        source = owners[0] if owner == number else owners[place % len(owners)]
        if source != reader:
            below = (slot.name for slot in snapshot.parameters() if slot.name.startswith(f"{reader}."))
            ends = [name[len(reader) + 1 :] for name in below]
            out.append([(f"{reader}.{e}", f"{source}.{e}") for e in ends if only is None or e in only])
    return out


def _layers(table: Flow, number: int) -> list[str]:
    """Return the module path of each layer of a row."""
    name, repeats = table.names[number - 1], table.rows[number - 1].repeats
    return [f"{name}.{layer}" for layer in range(repeats)] if repeats > 1 else [name]


def _unlike(
    table: Flow, numbers: tuple[int, int], reader: tuple[str, tuple[int, ...]], other: tuple[int, ...] | None
) -> RowError:
    number, owner = numbers
    row, other_row = table.rows[number - 1], table.rows[owner - 1]
    part = reader[0][len(table.names[number - 1]) + 1 :]
    theirs = shape(other) if other is not None else "none"
    return RowError(
        f"Row {number}, {row.kind}, cannot share with row {owner}, {other_row.kind}: "
        f"its {part} is {shape(reader[1])}, that of row {owner} is {theirs}.",
        row=number,
        hint=_way(table, number, owner),
        before=table.shapes,
    )


def _way(table: Flow, number: int, owner: int) -> str:
    """Return what to change so that two rows have weights of one size."""
    row, other = table.rows[number - 1], table.rows[owner - 1]
    shapes = (table.given, *table.shapes)
    titles = {option.name: option.title.lower() for option in kinds()[row.kind].sizes}
    if row.kind == other.kind:
        ways = [f"{titles[k]} to {v}" for k, v in other.sizes if row.values[k] != v and isinstance(v, int)]
        if ways:
            return f"Set its {listed(ways)}."
        return (
            f"Let them take as many numbers: row {number} takes {shapes[number - 1].wide}, "
            f"row {owner} {shapes[owner - 1].wide}."
        )
    tokens, wide = other.values["tokens"], shapes[owner].wide
    ways = [f"its classes to {tokens}"] if row.values["size"] != tokens else []
    ways += [f"what comes into it to {wide} numbers"] if shapes[number - 1].wide != wide else []
    return f"Set {listed(ways)}."


def _known(snapshot: Snapshot) -> Iterator[tuple[Design, Snapshot]]:
    """Yield the presets of a model that apply to it, with the model under each."""
    for preset in presets(snapshot):
        try:
            yield preset.design, preset.design.plan(snapshot).apply(snapshot)
        except PlanError:
            continue
