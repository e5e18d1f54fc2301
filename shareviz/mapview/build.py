"""From a Snapshot to the picture of its map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from shareviz.layers import Stack, identity, passes, stacks
from shareviz.mapview._picture import Bar, Cell, Column, Group, Picture, Row, Section
from shareviz.mapview.columns import Lane, Pattern, lanes
from shareviz.mapview.words import style, why
from shareviz.roles import TABLES, Role, roles
from shareviz.sets import SharedSet, set_of, shared_sets
from shareviz.sharing import distinct
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean, count, exact, listed, plural, ranges, shape

BARS = 10  # more modules than these outside the stacks become a section of their own
FOLDED_ROWS = 60


@dataclass(frozen=True)
class Facts:
    """What every part of the picture asks of one Snapshot."""

    snapshot: Snapshot

    @cached_property
    def sets(self) -> Mapping[str, SharedSet]:
        """Shared sets by id."""
        return {shared.id: shared for shared in shared_sets(self.snapshot)}

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """Set ids by slot name; a derived weight has the id of its first shared piece."""
        found = dict(set_of(self.sets.values()))
        for weight in self.snapshot.derived:
            shared = next((found[piece] for piece in weight.reads if piece in found), "")
            if shared:
                found[weight.name] = shared
        return found

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """Roles by slot name."""
        return roles(self.snapshot)

    def slot(self, name: str) -> Tensor | Derived:
        """Return a tensor or derived weight by its first name."""
        return self.snapshot.derived_by_name.get(name) or self.snapshot.by_name[name]

    def tensors(self, names: Iterable[str]) -> list[Tensor]:
        """Return the stored tensors behind names: themselves, or the pieces of derived weights."""
        found = []
        for name in names:
            weight = self.snapshot.derived_by_name.get(name)
            found += [self.snapshot.by_name[piece] for piece in (weight.reads if weight else (name,))]
        return found

    def style(self, id_: str) -> str:
        """Return how the cells of a set are filled."""
        return style(self.sets[id_]) if id_ else "own"

    def word(self, id_: str) -> str:
        """Return why a set counts as shared, or that it does not."""
        return why(self.sets[id_]) if id_ else "own"


def picture(snapshot: Snapshot) -> Picture:
    """Return the map of a model: bars for what stands outside the stacks, a section for each stack."""
    facts = Facts(snapshot)
    found = stacks(snapshot)
    inside = {name for stack in found for name in stack.slots()}
    rest = _modules(snapshot, inside)
    above, below = _bars(facts, rest, bool(found))
    sections = [stack_section(facts, stack, titled=len(found) > 1) for stack in found]
    if not found or len(above) + len(below) > BARS:
        if rest:
            sections.append(module_section(facts, rest, "elsewhere" if found else ""))
        above, below = (), ()
    top, bottom = {bar.set for bar in above}, {bar.set for bar in below}
    used = {facts.style(id_) for id_ in facts.sets}
    return Picture(
        above=above,
        sections=tuple(sections),
        below=below,
        ties=tuple(sorted((top & bottom) - {""}, key=lambda id_: int(id_[1:]))),
        styles=tuple(name for name in ("solid", "cut", "stripes") if name in used),
    )


def stack_section(facts: Facts, stack: Stack, *, titled: bool) -> Section:
    """Return the grid of one stack: a row for each run of a layer, a column for each kind of tensor."""
    order = passes(facts.snapshot, stack)
    again = len(order) > len(stack.layers) or set(order) != set(range(len(stack.layers)))
    patterns = {column: _pattern(facts, stack.column(column)) for column in stack.columns}
    found = lanes(stack, facts.roles, patterns)
    rows = tuple(
        Row(str(run if again else stack.layers[place]), clean(stack.path(place), 120))
        for run, place in enumerate(order)
    )
    cells: list[Cell] = []
    for place, lane in enumerate(found):
        column = [[name for name in _lane_names(stack, lane, layer) if name] for layer in order]
        noun = "run" if again else "layer"
        cells += _lane_cells(facts, place, lane, column, [f"{noun} {row.label}" for row in rows])
    pitch = 28 if len(rows) <= 14 else 22 if len(rows) <= 24 else 14 if len(rows) <= 48 else 0
    return Section(
        title=clean(stack.prefix, 60) if titled else "",
        header="run" if again else "layer",
        groups=_groups(facts, stack, found, order),
        rows=rows,
        cells=_linked(_captioned(cells, found), facts),
        pitch=pitch or _pitch(cells, len(rows)),
    )


def module_section(facts: Facts, modules: Mapping[str, Sequence[str]], title: str) -> Section:
    """Return the grid of a model without layers: modules down, names of tensors across."""
    attributes = list(
        dict.fromkeys(_attribute(path, name) for path, names in modules.items() for name in names)
    )
    if len(attributes) > 8:
        attributes = [*attributes[:7], "others"]
    rows: list[Row] = []
    cells: list[Cell] = []
    for label, title_, members in _folded_rows(facts, modules):
        for place, attribute in enumerate(attributes):
            names = [
                name
                for name in members
                if (_attribute("", name) if _attribute("", name) in attributes else "others") == attribute
            ]
            if names:
                cells.append(_cell(facts, (len(rows), 1, place), names, f"{label} · {attribute}"))
        rows.append(Row(label, title_))
    columns = tuple(Column(clean(name, 80)[:8], clean(name, 80)) for name in attributes)
    every = [name for names in modules.values() for name in names]
    stored = count(distinct(facts.tensors(every)))
    return Section(
        title=title,
        header="module",
        groups=(Group("", columns, stored, ""),),
        rows=tuple(rows),
        cells=_linked(cells, facts),
        pitch=24,
    )


def _modules(snapshot: Snapshot, inside: set[str]) -> dict[str, list[str]]:
    """Return the names outside stacks by the path of their module, in definition order."""
    found: dict[str, list[str]] = {}
    for slot in (*snapshot.parameters(), *snapshot.derived):
        if slot.name not in inside and slot.name not in snapshot.pieces:
            found.setdefault(slot.module, []).append(slot.name)
    return found


def _attribute(path: str, name: str) -> str:
    return name.rpartition(".")[2] if not path else name[len(path) :].lstrip(".")


def _bars(
    facts: Facts, modules: Mapping[str, Sequence[str]], layered: bool
) -> tuple[tuple[Bar, ...], tuple[Bar, ...]]:
    above: list[Bar] = []
    below: list[Bar] = []
    seen_stack = False
    first_inside = next((tensor.module for tensor in facts.snapshot.parameters()), "")
    del first_inside
    for path, names in modules.items():
        role = facts.roles[names[0]]
        bar = _bar(facts, path, names, role)
        (above if role in TABLES and not seen_stack else below).append(bar)
    return (tuple(above), tuple(below)) if layered else ((), ())


def _bar(facts: Facts, path: str, names: Sequence[str], role: Role) -> Bar:
    id_ = next((facts.ids[name] for name in names if name in facts.ids), "")
    numel = sum(facts.slot(name).numel for name in names)
    sizes = shape(facts.slot(names[0]).shape)
    label = {
        Role.EMBEDDING: "tokens",
        Role.POSITION: "positions",
        Role.NORM: "norm",
        Role.HEAD: "head",
    }.get(role)
    title = clean(path or names[0], 120)
    last = clean(path.rpartition(".")[2] or names[0], 80)
    return Bar(
        label=label or (last if len(last) <= 10 else last[:10]),
        set=id_,
        text=f"{sizes} · {count(numel)}",
        style=facts.style(id_),
        title=title,
        note=f"{listed(names, 4)} · {exact(numel)} · {facts.word(id_)}",
    )


def _pattern(facts: Facts, names: Iterable[str | None]) -> Pattern:
    return tuple(
        None if name is None else (identity(facts.snapshot, name), facts.ids.get(name, "")) for name in names
    )


def _lane_names(stack: Stack, lane: Lane, position: int) -> list[str | None]:
    row = dict(zip(stack.columns, stack.cells[position], strict=True))
    return [row[column] for column in lane.columns]


def _lane_cells(
    facts: Facts, place: int, lane: Lane, column: Sequence[Sequence[str]], rows: Sequence[str]
) -> list[Cell]:
    """Return the cells of one lane: equal neighbours melt into one, own ones stand in one run."""
    cells: list[Cell] = []
    start = 0
    keys = [_melts(facts, names) for names in column]
    for end in range(1, len(keys) + 1):
        if end < len(keys) and keys[end] == keys[start]:
            continue
        if keys[start] is not None:
            where = rows[start] if end - start == 1 else f"{rows[start]} to {rows[end - 1].split()[-1]}"
            said = f"{where} · {lane.group} · {lane.label}"
            cells.append(_cell(facts, (start, end - start, place), column[start], said))
        start = end
    return cells


def _melts(facts: Facts, names: Sequence[str]) -> object:
    """Return what neighbours must have in common to be one block; None for a hole."""
    if not names:
        return None
    id_ = next((facts.ids[name] for name in names if name in facts.ids), "")
    return (id_, tuple(identity(facts.snapshot, name) for name in names)) if id_ else "own"


def _cell(facts: Facts, at: tuple[int, int, int], names: Sequence[str], said: str) -> Cell:
    row, span, column = at
    id_ = next((facts.ids[name] for name in names if name in facts.ids), "")
    sizes = " and ".join(dict.fromkeys(shape(facts.slot(name).shape) for name in names[:3]))
    numel = sum(facts.slot(name).numel for name in names)
    return Cell(
        row=row,
        span=span,
        column=column,
        set=id_,
        text=id_,
        style=facts.style(id_),
        label=" · ".join(filter(None, (said, id_, facts.word(id_)))),
        note=f"{listed(names, 3)} · {sizes} · {exact(numel)}",
    )


def _captioned(cells: Sequence[Cell], found: Sequence[Lane]) -> list[Cell]:
    """Keep the id in the first of equal neighbours of a group; say how many rows a block spans."""
    by_place = {(cell.row, cell.column): cell for cell in cells}
    out = []
    for cell in cells:
        left = by_place.get((cell.row, cell.column - 1))
        same_group = cell.column and found[cell.column - 1].group == found[cell.column].group
        repeats = same_group and left is not None and left.set == cell.set and left.span == cell.span
        text = "" if repeats or not cell.set else cell.set
        if text and cell.span > 1:
            text = f"{text} ×{cell.span}"
        out.append(_with(cell, text=text))
    return out


def _linked(cells: Sequence[Cell], facts: Facts) -> tuple[Cell, ...]:
    """Draw a bridge between neighbours that read the very same tensor."""
    at = {(cell.row, cell.column): cell for cell in cells}
    out = []
    for cell in cells:
        right = at.get((cell.row, cell.column + 1))
        tied = bool(cell.set) and facts.sets[cell.set].kind == "tie"
        bridge = tied and right is not None and right.set == cell.set and right.span == cell.span
        out.append(_with(cell, bridge=bridge) if bridge else cell)
    return tuple(out)


def _with(cell: Cell, *, text: str | None = None, bridge: bool = False) -> Cell:
    said = cell.text if text is None else text
    at = (cell.row, cell.span, cell.column)
    return Cell(*at, cell.set, said, cell.style, cell.label, cell.note, bridge or cell.bridge)


def _groups(facts: Facts, stack: Stack, found: Sequence[Lane], order: Sequence[int]) -> tuple[Group, ...]:
    groups = []
    for title in dict.fromkeys(lane.group for lane in found):
        mine = [lane for lane in found if lane.group == title]
        runs = [
            [name for lane in mine for name in _lane_names(stack, lane, place) if name] for place in order
        ]
        stored = distinct(facts.tensors(dict.fromkeys(name for names in runs for name in names)))
        used = sum(facts.slot(name).numel for names in runs for name in names)
        columns = tuple(Column(lane.label, lane.title) for lane in mine)
        groups.append(Group(title, columns, count(stored), _again(stored, used)))
    return tuple(groups)


def _again(stored: int, used: int) -> str:
    if used == stored:
        return "own"
    if stored and used > stored and used % stored == 0:
        return f"×{used // stored} = {count(used)}"
    return f"of {count(used)}"


def _pitch(cells: Sequence[Cell], rows: int) -> int:
    """Return the height of a row where there are many: ids must stay readable in the smallest block."""
    smallest = min((cell.span for cell in cells if cell.set), default=rows)
    return max(3, min(14, -(-14 // smallest)))


def _folded_rows(
    facts: Facts, modules: Mapping[str, Sequence[str]]
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return (label, title, names) of each row; many alike modules of their own become one row."""
    rows = [(clean(path, 120) or "model", path, tuple(names)) for path, names in modules.items()]
    if len(rows) <= FOLDED_ROWS:
        return rows
    together: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for label, path, names in rows:
        parts = path.split(".")
        shared = any(name in facts.ids for name in names)
        key = path if shared else ".".join("*" if part.isdecimal() else part for part in parts)
        together.setdefault(key, []).append((label, path, names))
    folded = [_merged(key, members) for key, members in together.items()]
    if len(folded) > FOLDED_ROWS:
        kept, rest = folded[: FOLDED_ROWS - 1], folded[FOLDED_ROWS - 1 :]
        names = tuple(name for _, _, members in rest for name in members)
        folded = [*kept, (f"{plural(len(rest), 'more module')}", listed([row[1] for row in rest]), names)]
    return folded


def _merged(
    key: str, members: Sequence[tuple[str, str, tuple[str, ...]]]
) -> tuple[str, str, tuple[str, ...]]:
    if len(members) == 1:
        return members[0]
    names = tuple(name for _, _, held in members for name in held)
    return f"{clean(key, 100)} ×{len(members)}", listed([path for _, path, _ in members]), names


def layers_of(shared: SharedSet) -> str:
    """Return the layers of a set as people say them."""
    return ranges(shared.layers)
