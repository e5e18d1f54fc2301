"""From a Snapshot to the picture of its map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shareviz.headline import layer_noun
from shareviz.layers import Stack, identity, passes, stacks
from shareviz.mapview._picture import Cell, Column, Group, Picture, Row, Section
from shareviz.mapview.columns import Lane, Pattern, lanes
from shareviz.mapview.facts import Facts
from shareviz.mapview.modules import bars, bridged, module_section, outside
from shareviz.mapview.words import LEGEND
from shareviz.sharing import distinct
from shareviz.snapshot import Snapshot
from shareviz.strokes import locks
from shareviz.text import clean, count, ranges

BARS = 10  # more modules than these outside the stacks become a section of their own
TALL, LOW = 28, 3  # pixels of a row, at most and at least
MOST_PIXELS = 1600  # of the rows of one stack: 100 in turns are read, 5,000 are a sketch
CALM_PIXELS = 480  # of a stack in which all layers are alike
TOUCH = 24  # pixels of a row that a finger or pointer paints


def picture(snapshot: Snapshot, apart: bool = False, alike: tuple[tuple[str, str], ...] = ()) -> Picture:
    """Return the map of a model: bars for what stands outside the stacks, a section for each stack.

    Args:
        apart: Equal neighbours do not melt, so that each cell can be painted.
        alike: Names of copies with equal bytes, each with the name of a twin: drawn as an outline.
    """
    facts = Facts(snapshot, alike)
    found = stacks(snapshot)
    rest = outside(snapshot, {name for stack in found for name in stack.slots()})
    sections = [
        stack_section(facts, stack, title, number if apart else None)
        for number, (stack, title) in enumerate(zip(found, _titles(found), strict=True))
    ]
    above, below = bars(facts, rest)
    if not found or len(rest) > BARS:
        above, below = (), ()
        if rest:
            sections.append(module_section(facts, rest, "elsewhere" if found else ""))
    tied = {bar.set for bar in above} & {bar.set for bar in below} - {""}
    used = {cell.style for section in sections for cell in section.cells}
    used |= {bar.style for bar in (*above, *below)}
    return Picture(
        above=above,
        sections=tuple(sections),
        below=below,
        ties=tuple(id_ for id_ in facts.sets if id_ in tied),
        styles=tuple(name for name in LEGEND if name in used),
    )


def _titles(found: Sequence[Stack]) -> list[str]:
    """Return what tells stacks apart: nothing for one, the prefix, and the layers where it is not enough."""
    if len(found) < 2:
        return ["" for _ in found]
    times = Counter(stack.prefix for stack in found)
    return [
        clean(stack.prefix, 60) + (f" {ranges(stack.layers)}" if times[stack.prefix] > 1 else "")
        for stack in found
    ]


def stack_section(facts: Facts, stack: Stack, title: str, number: int | None = None) -> Section:
    """Return the grid of one stack: a row for each run of a layer, a column for each kind of tensor.

    Args:
        number: Of the stack in the model, where its cells are to be painted.
    """
    order = passes(facts.snapshot, stack)
    again = sorted(order) != list(range(len(stack.layers)))
    patterns = {column: _pattern(facts, stack.column(column)) for column in stack.columns}
    found = lanes(stack, facts.roles, patterns)
    rows = tuple(
        Row(str(run if again else stack.layers[place]), clean(stack.path(place), 120))
        for run, place in enumerate(order)
    )
    header = "run" if again else layer_noun(facts.snapshot, stack)
    cells: list[Cell] = []
    for place, lane in enumerate(found):
        column = [_names(stack, lane, layer) for layer in order]
        made = _lane_cells(facts, (place, lane, header), column, (rows, number is not None))
        cells += made if number is None else _placed(made, (number, stack, lane), order)
    held = {} if number is None else locks(facts.snapshot, stack)
    return Section(
        title=title,
        header=header,
        groups=_groups(facts, stack, found, order),
        rows=rows,
        cells=bridged(facts, _captioned([_locked(cell, held) for cell in cells], found)),
        pitch=_pitch(cells, len(rows)) if number is None else TALL if len(rows) <= 14 else TOUCH,
    )


def _pattern(facts: Facts, names: Iterable[str | None]) -> Pattern:
    return tuple(
        None if name is None else (identity(facts.snapshot, name), facts.ids.get(name, "")) for name in names
    )


def _names(stack: Stack, lane: Lane, position: int) -> list[str]:
    """Return the names that stand in a lane at a layer; none where there is a hole."""
    row = dict(zip(stack.columns, stack.cells[position], strict=True))
    return [name for column in lane.columns if (name := row[column]) is not None]


def _lane_cells(
    facts: Facts,
    lane: tuple[int, Lane, str],
    column: Sequence[Sequence[str]],
    given: tuple[Sequence[Row], bool],
) -> list[Cell]:
    """Return the cells of one lane: equal neighbours melt into one, own ones stand in one run."""
    place, about, header = lane
    rows, apart = given
    cells: list[Cell] = []
    start = 0
    keys = [facts.melts(names) for names in column]
    for end in range(1, len(keys) + 1):
        if end < len(keys) and keys[end] == keys[start] and not apart:
            continue
        if keys[start] is not None:
            first, last = rows[start].label, rows[end - 1].label
            where = f"{header} {first}" if end - start == 1 else f"{header}s {first}–{last}"
            said = f"{where} · {about.group} · {about.label}"
            cell = facts.cell((start, end - start, place), column[start], said)
            cells.append(replace(cell, names=tuple(tuple(names) for names in column[start:end])))
        start = end
    return cells


def _placed(cells: Sequence[Cell], lane: tuple[int, Stack, Lane], order: Sequence[int]) -> list[Cell]:
    """Say of each cell which stack, layer and columns it stands for."""
    number, stack, about = lane
    columns = tuple(stack.columns.index(column) for column in about.columns)
    return [replace(cell, at=(number, order[cell.row], columns)) for cell in cells]


def _locked(cell: Cell, held: Mapping[tuple[int, int], str]) -> Cell:
    if cell.at is None:
        return cell
    _, position, columns = cell.at
    why = next((held[position, column] for column in columns if (position, column) in held), "")
    return replace(cell, locked=why) if why else cell


def _captioned(cells: Sequence[Cell], found: Sequence[Lane]) -> list[Cell]:
    """Keep the id in the first of equal neighbours of a group; say how many rows a block spans."""
    by_place = {(cell.row, cell.column): cell for cell in cells}
    out = []
    for cell in cells:
        left = by_place.get((cell.row, cell.column - 1))
        grouped = cell.column > 0 and found[cell.column - 1].group == found[cell.column].group
        repeats = grouped and left is not None and (left.set, left.span) == (cell.set, cell.span)
        text = "" if repeats or not cell.set else cell.set
        out.append(replace(cell, text=f"{text} ×{cell.span}" if text and cell.span > 1 else text))
    return out


def _groups(facts: Facts, stack: Stack, found: Sequence[Lane], order: Sequence[int]) -> tuple[Group, ...]:
    groups = []
    for title in dict.fromkeys(lane.group for lane in found):
        mine = [lane for lane in found if lane.group == title]
        names = [name for place in order for lane in mine for name in _names(stack, lane, place)]
        stored, used = distinct(facts.tensors(dict.fromkeys(names))), facts.numel(names)
        columns = tuple(Column(lane.label, lane.title) for lane in mine)
        groups.append(Group(title, columns, count(stored), _again(stored, used)))
    return tuple(groups)


def _again(stored: int, used: int) -> str:
    """Say how often the stored tensors run: ×4 = 28.3 M."""
    if used == stored:
        return "own"
    if stored and used > stored and used % stored == 0:
        return f"×{used // stored} = {count(used)}"
    return f"of {count(used)}"


def _pitch(cells: Sequence[Cell], rows: int) -> float:
    """Return the height of a row: many rows are low, but ids stay readable in the smallest block.

    However many rows there are, they take no more than `MOST_PIXELS`.
    """
    for most, pitch in ((14, TALL), (24, 22), (40, 16)):
        if rows <= most:
            return pitch
    smallest = min((cell.span for cell in cells if cell.set), default=rows)
    most = MOST_PIXELS if smallest < rows else CALM_PIXELS
    return min(max(LOW, min(16, -(-32 // smallest))), most / rows)
