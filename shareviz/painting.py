"""Painting: a stroke over cells of the sharing map becomes rows of a table, and the rows a design."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shareviz.design import Design
from shareviz.errors import PlanError
from shareviz.layers import Stack, sharing_map, stacks
from shareviz.plan import Plan, Rewrite, own, tie
from shareviz.sharing import tied_groups
from shareviz.snapshot import Snapshot
from shareviz.strategies import parts_of_stack, tie_rows
from shareviz.strokes import Across, Brush, Cell, Stroke, at, locks
from shareviz.tablemap import plan_of, table_of
from shareviz.text import clean, shape

Labels = Mapping[tuple[int, int], str]  # what the map calls a column: (stack, column) → in


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is painted on: a model, its design, the model under it, and what the map calls its columns."""

    before: Snapshot
    design: Design
    after: Snapshot
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Painted:
    """The plan after a stroke, and the model under it. `left_out` says why some cells stayed."""

    plan: Plan
    after: Snapshot
    left_out: str = ""


def paint(canvas: Canvas, stroke: Stroke, across: Across) -> Painted:
    """Return the plan after one stroke.

    Raises:
        PlanError: Tensors of different shape would become one, cells of another stack, every cell is locked.
        OptionError: A cell that the map does not have.
    """
    found = stacks(canvas.after)
    reached, left_out = _reached(canvas.after, found, (stroke, across))
    if not reached:
        raise PlanError(left_out or "This layer has no such tensor.")
    rewrites: dict[str, Rewrite] = {}
    for number, cells in reached.items():
        rows = _rows(canvas, number, (cells, stroke, across))
        rewrites |= {rewrite.name: rewrite for rewrite in tie_rows(canvas.after, found[number], rows)}
    leaving = _leaving(found, reached, (stroke, across))
    rewrites |= _freed(canvas.after, found, leaving)
    rewrites |= {name: tie(name, owner) for name, owner in leaving.items() if owner is not None}
    plan = canvas.design.plan(canvas.before).then(Plan(tuple(rewrites.values())))
    plan = Plan(plan.rewrites, frozen=plan.frozen)
    return Painted(plan, plan.apply(canvas.before), left_out)


def design_of(before: Snapshot, painted: Painted, known: Iterable[tuple[Design, Snapshot]] = ()) -> Design:
    """Return the shortest design that gives a painted model: one known by name, a table, or the plan.

    Args:
        known: Designs of this model with the model under each, such as its presets.
    """
    for design, after in known:
        if after == painted.after:
            return design
    if painted.after == before:
        return Design()
    table = table_of(painted.after)
    if table is not None:
        try:
            if plan_of(table, before).apply(before) == painted.after:
                return Design(painted=table)
        except PlanError:
            pass  # the model has ties that this table cannot undo: its plan can
    return Design(painted=painted.plan)


# position → the columns to paint there, for each stack
Reached = dict[int, dict[int, tuple[int, ...]]]


def _reached(after: Snapshot, found: Sequence[Stack], given: tuple[Stroke, Across]) -> tuple[Reached, str]:
    """Return the cells that a stroke paints, spread over their layers, and why others stay."""
    stroke, across = given
    reached: Reached = {}
    left_out = ""
    for number in dict.fromkeys(cell.stack for cell in stroke.cells):
        stack = at(found, number)
        held, spread = locks(after, stack), _Spread(after, stack, stroke.brush, across)
        for cell in stroke.cells:
            if cell.stack != number:
                continue
            row = at(stack.cells, cell.position)
            columns = spread.columns(cell)
            free = tuple(c for c in columns if at(row, c) is not None and (cell.position, c) not in held)
            if not free:
                left_out = next(
                    (held[cell.position, c] for c in columns if (cell.position, c) in held), left_out
                )
                continue
            have = reached.setdefault(number, {}).get(cell.position, ())
            reached[number][cell.position] = tuple(dict.fromkeys((*have, *free)))
    return reached, left_out


class _Spread:
    """How far strokes reach in one stack: from the columns of a cell to those of its part or block."""

    def __init__(self, after: Snapshot, stack: Stack, brush: Brush, across: Across) -> None:
        known = parts_of_stack(after, stack)
        self._across = across
        self._parts = [
            "fixed" if known[name].fixed else "norms" if known[name].norm else known[name].part
            for name in stack.columns
        ]
        self._norms = brush.kind == "own" or self._shares_norms(after, stack, brush)

    def columns(self, cell: Cell) -> tuple[int, ...]:
        """Return the columns that a stroke over this cell paints."""
        parts = {at(self._parts, column) for column in cell.columns}
        if self._across is Across.BLOCK and "fixed" not in parts:
            # norms stay each layer's own unless they are meant: painted themselves, or shared by the row
            norms = {"norms"} if self._norms else set()
            parts |= norms | (set(self._parts) - {"norms", "fixed"})
        if self._across is Across.TENSOR:
            return cell.columns
        return tuple(column for column, part in enumerate(self._parts) if part in parts)

    def _shares_norms(self, after: Snapshot, stack: Stack, brush: Brush) -> bool:
        if brush.like is None:
            return False
        rows = sharing_map(after, stack).rows
        norms = (row for row, part in zip(rows, self._parts, strict=True) if part == "norms")
        return any(row.count(at(row, brush.like.position)) > 1 for row in norms)


def _rows(
    canvas: Canvas, number: int, given: tuple[Mapping[int, tuple[int, ...]], Stroke, Across]
) -> list[list[int | None]]:
    """Return the rows of a stack after a stroke."""
    cells, stroke, across = given
    stack = stacks(canvas.after)[number]
    rows = [list(row) for row in sharing_map(canvas.after, stack).rows]
    fresh = len(stack.layers)  # a number that no layer has yet: each layer has its own row above it
    one = _one_tensor(stroke, across)
    for position, columns in cells.items():
        for column in columns:
            if one is not None and column not in one.columns:
                rows[column][position] = fresh + 1 + position  # tied across columns, outside the table
            elif stroke.brush.kind == "own":
                rows[column][position] = fresh + 1 + position
            elif stroke.brush.like is None:
                rows[column][position] = fresh
            else:
                rows[column][position] = _row_like(canvas, (number, position, column), stroke.brush.like)
        if one is not None:
            _check_alike(canvas, one, Cell(number, position, columns))
    return rows


def _row_like(canvas: Canvas, place: tuple[int, int, int], like: Cell) -> int | None:
    """Return the row that another layer reads in a column, where this layer can read it too."""
    number, position, column = place
    found = stacks(canvas.after)
    if like.stack != number:
        raise PlanError(
            f"A row of {clean(at(found, like.stack).prefix, 60)} cannot be painted into "
            f"{clean(found[number].prefix, 60)}.",
            hint="Choose a brush of the same blocks.",
        )
    stack = found[number]
    mine, theirs = stack.cells[position][column], at(stack.cells, like.position)[column]
    if theirs is None or mine is None:
        return sharing_map(canvas.after, stack).rows[column][position]
    first, second = canvas.after.by_name[mine].shape, _shape(canvas.after, theirs)
    if first != second:
        names = (f"layer {stack.layers[like.position]}", f"layer {stack.layers[position]}")
        raise _different(names, (second, first))
    return sharing_map(canvas.after, stack).rows[column][like.position]


def _one_tensor(stroke: Stroke, across: Across) -> Cell | None:
    """Return the cell whose very tensor a stroke paints: the one picked, or the first of a new row."""
    if across is not Across.TENSOR or stroke.brush.kind == "own":
        return None
    like = stroke.brush.like
    return stroke.cells[0] if like is None else like if like.columns else None


def _check_alike(canvas: Canvas, one: Cell, cell: Cell) -> None:
    """Refuse to make one tensor of two whose shapes differ."""
    if set(cell.columns) <= set(one.columns):
        return
    found = stacks(canvas.after)
    others = [column for column in cell.columns if column not in one.columns]
    row = at(at(found, one.stack).cells, one.position)
    for first, second in zip(one.columns, others, strict=False):
        names = (
            at(row, first),
            found[cell.stack].cells[cell.position][second],
        )
        if names[0] is None or names[1] is None:
            continue
        shapes = (_shape(canvas.after, names[0]), _shape(canvas.after, names[1]))
        if shapes[0] != shapes[1] or len(one.columns) != len(others):
            labels = [
                canvas.labels.get((where.stack, column)) or clean(found[where.stack].columns[column], 60)
                for where, column in ((one, first), (cell, second))
            ]
            raise _different((labels[0], labels[1]), shapes)


def _different(names: tuple[str, str], shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> PlanError:
    return PlanError(
        f"{names[0]} and {names[1]} have different shapes ({shape(shapes[0])}, {shape(shapes[1])}).",
        hint="Paint tensors of one shape.",
    )


def _shape(snapshot: Snapshot, name: str) -> tuple[int, ...]:
    weight = snapshot.derived_by_name.get(name)
    return weight.shape if weight else snapshot.by_name[name].shape


def _leaving(found: Sequence[Stack], reached: Reached, given: tuple[Stroke, Across]) -> dict[str, str | None]:
    """Return the names that leave the tensor they read: for one of another column, or for their own."""
    stroke, across = given
    one = _one_tensor(stroke, across)
    out: dict[str, str | None] = {}
    for number, cells in reached.items():
        for position, columns in cells.items():
            names = [found[number].cells[position][column] for column in columns]
            if stroke.brush.kind == "own":
                out |= {name: None for name in names if name is not None}
            elif one is not None:
                others = [name for name, c in zip(names, columns, strict=True) if c not in one.columns]
                owners = [found[one.stack].cells[one.position][column] for column in one.columns]
                pairs = zip(others, owners, strict=False)
                out |= {name: owner for name, owner in pairs if name is not None and owner is not None}
    return out


def _freed(after: Snapshot, found: Sequence[Stack], leaving: Mapping[str, str | None]) -> dict[str, Rewrite]:
    """Return what takes names out of ties that reach beyond their column, where no table sees them."""
    homes = {
        name: (number, column)
        for number, stack in enumerate(found)
        for row in stack.cells
        for column, name in enumerate(row)
        if name is not None
    }
    rewrites: dict[str, Rewrite] = {}
    for group in tied_groups(after):
        gone = [name for name in group.names if name in leaving]
        if not gone or len({homes.get(name) for name in group.names}) == 1:
            continue
        kept = [name for name in group.names if name not in leaving]
        rewrites |= {name: own(name) for name in (*gone, *kept[:1])}
        rewrites |= {name: tie(name, kept[0]) for name in kept[1:]}
    return rewrites
