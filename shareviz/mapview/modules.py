"""What stands outside the stacks: bars above and below, or a grid of modules and their tensors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from shareviz.mapview._picture import Bar, Cell, Column, Group, Row, Section
from shareviz.mapview.facts import Facts
from shareviz.roles import TABLES, Role
from shareviz.sharing import distinct
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean, count, exact, listed, plural, shape

ROWS = 60  # more modules than these fold
COLUMNS = 8
LETTERS = 8  # of a column's heading
Modules = Mapping[str, Sequence[str]]

_LABELS = {Role.EMBEDDING: "tokens", Role.POSITION: "positions", Role.NORM: "norm", Role.HEAD: "head"}
_OTHERS = "others"
_SUFFIX = re.compile(r"_(embeddings?|proj|layer|weight)$")


class Line(NamedTuple):
    """One row of a grid of modules."""

    label: str
    title: str
    names: tuple[str, ...]


def outside(snapshot: Snapshot, inside: set[str]) -> dict[str, list[str]]:
    """Return the names outside stacks by the path of their module, in definition order."""
    found: dict[str, list[str]] = {}
    slots: list[Tensor | Derived] = [*snapshot.parameters(), *snapshot.derived]
    for slot in slots:
        if slot.name not in inside and slot.name not in snapshot.pieces:
            found.setdefault(slot.module, []).append(slot.name)
    return found


def bars(facts: Facts, modules: Modules) -> tuple[tuple[Bar, ...], tuple[Bar, ...]]:
    """Return the bars above the stacks, which are tables, and those below."""
    parts = list(_parts(facts, modules))
    labels = _distinct([_label(facts, path, names) for path, names in parts], [path for path, _ in parts])
    above: list[Bar] = []
    below: list[Bar] = []
    for label, (path, names) in zip(labels, parts, strict=True):
        bar = replace(_bar(facts, path, names), label=label)
        (above if facts.roles[names[0]] in TABLES else below).append(bar)
    return tuple(above), tuple(below)


def _parts(facts: Facts, modules: Modules) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of each bar: a table that its module holds beside other tensors has its own."""
    for path, names in modules.items():
        tables = [name for name in names if facts.roles[name] in TABLES]
        rest = [name for name in names if name not in tables]
        if tables and rest:
            yield from (
                (path, part) for part in sorted((tables, rest), key=lambda part: names.index(part[0]))
            )
        else:
            yield path, list(names)


def _bar(facts: Facts, path: str, names: Sequence[str]) -> Bar:
    id_ = facts.id_of(names)
    numel = facts.numel(names)
    return Bar(
        label="",
        set=id_,
        text=f"{shape(facts.slot(names[0]).shape)} · {count(numel)}",
        style=facts.style(names),
        title=clean(path or names[0], 120),
        note=" · ".join((listed(names, 4), *facts.as_twin(names), exact(numel), facts.word(names))),
        names=(tuple(names),),
    )


def _label(facts: Facts, path: str, names: Sequence[str]) -> str:
    role = facts.roles[names[0]]
    return _LABELS.get(role) or _bar_label(clean(path.rpartition(".")[2] or names[0], 80))


def _distinct(labels: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Return labels that differ where a word of the path can tell: encoder norm, decoder norm."""
    times = Counter(labels)
    parents = [_bar_label(clean(path.split(".")[-2], 80)) if "." in path else "" for path in paths]
    lasts = [_bar_label(clean(path.rpartition(".")[2], 80)) for path in paths]
    both = Counter(zip(labels, parents, strict=True))
    out = []
    turns = [re.findall(r"\d+", path)[-1:] for path in paths]
    numbered = Counter((label, *turn) for label, turn in zip(labels, turns, strict=True))
    for label, parent, last, turn in zip(labels, parents, lasts, turns, strict=True):
        if times[label] == 1:
            out.append(label)
        elif both[label, parent] == 1:
            out.append(f"{parent.split()[0]} {label}" if parent else label)
        elif turn and numbered[label, *turn] == 1:
            out.append(f"{label} {turn[0][:4]}")
        else:
            out.append(last if label in last else f"{label} {last}")
    return out


def _bar_label(name: str) -> str:
    """Return at most two words of a module's name, each short enough for the margin."""
    words = [word[:11] for word in _SUFFIX.sub("", name).split("_") if word]
    return " ".join(words[:2]) or name[:11]


def module_section(facts: Facts, modules: Modules, title: str) -> Section:
    """Return the grid of a model without layers: modules down, names of tensors across."""
    attributes = list(
        dict.fromkeys(_attribute(path, name) for path, names in modules.items() for name in names)
    )
    if len(attributes) > COLUMNS:
        attributes = [*attributes[: COLUMNS - 1], _OTHERS]
    lines = _lines(facts, modules)
    cells = [cell for row, line in enumerate(lines) for cell in _cells(facts, (row, line), attributes)]
    stored = count(distinct(facts.tensors(name for names in modules.values() for name in names)))
    columns = tuple(Column(_heading(name), clean(name, 80)) for name in attributes)
    return Section(
        title=title,
        header="module",
        groups=(Group("", columns, stored, ""),),
        rows=tuple(Row(line.label, line.title) for line in lines),
        cells=bridged(facts, cells),
        pitch=26,
    )


def _heading(name: str) -> str:
    """Return the name of a tensor in at most eight letters: w_ih_l0 of weight_ih_l0."""
    shown = clean(name, 80)
    if len(shown) > LETTERS:
        shown = re.sub(r"^bias(?=_)", "b", re.sub(r"^weight(?=_)", "w", shown))
    return shown if len(shown) <= LETTERS else f"{shown[: LETTERS - 1]}…"


def _cells(facts: Facts, at: tuple[int, Line], attributes: Sequence[str]) -> list[Cell]:
    row, line = at
    standing: dict[str, list[str]] = {}
    for name in line.names:
        attribute = name.rpartition(".")[2]
        standing.setdefault(attribute if attribute in attributes else _OTHERS, []).append(name)
    return [
        facts.cell((row, 1, place), standing[attribute], f"{line.label} · {clean(attribute, 80)}")
        for place, attribute in enumerate(attributes)
        if attribute in standing
    ]


def _attribute(path: str, name: str) -> str:
    return name[len(path) :].lstrip(".").rpartition(".")[2]


def bridged(facts: Facts, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Draw a bridge between neighbours that read the very same tensor."""
    at = {(cell.row, cell.column): cell for cell in cells}
    out = []
    for cell in cells:
        right = at.get((cell.row, cell.column + 1))
        tied = bool(cell.set) and facts.sets[cell.set].kind == "tie"
        alike = right is not None and (right.set, right.span) == (cell.set, cell.span)
        out.append(replace(cell, bridge=tied and alike))
    return tuple(out)


def _lines(facts: Facts, modules: Modules) -> list[Line]:
    """Return the rows: many alike modules of their own become one row, the rest is counted."""
    lines = [
        Line(clean(path, 120) or "model", clean(path, 120), tuple(names)) for path, names in modules.items()
    ]
    if len(lines) <= ROWS:
        return lines
    together: dict[str, list[Line]] = {}
    for path, line in zip(modules, lines, strict=True):
        stars = re.sub(r"\d+", "*", path)  # fc_0, fc_1 are alike as blocks.0, blocks.1 are
        together.setdefault(path if facts.id_of(line.names) else stars, []).append(line)
    folded = [_merged(key, members) for key, members in together.items()]
    if len(folded) > ROWS:
        rest = folded[ROWS - 1 :]
        names = tuple(name for line in rest for name in line.names)
        said = listed([line.title for line in rest])
        folded = [*folded[: ROWS - 1], Line(plural(len(rest), "more module"), said, names)]
    return folded


def _merged(key: str, members: Sequence[Line]) -> Line:
    if len(members) == 1:
        return members[0]
    names = tuple(name for line in members for name in line.names)
    return Line(f"{clean(key, 100)} ×{len(members)}", listed([line.title for line in members]), names)
