"""Ties of a model gathered as a program would say them: rows of a list, whole modules, single weights."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from shareviz.snapshot import Region, Snapshot
from shareviz.text import listed, ranges

Place = tuple[str, int | None]  # the list and the layer in it, or a module of its own


@dataclass(frozen=True, slots=True)
class Weave:
    """Ties that one statement says: what `reader` reads of `owner`, in `parts` or as a whole.

    With `rows`, both are lists: layer i of the one reads layer `rows[i]` of the other. `single` are
    ties of one name to another that no such statement says.
    """

    reader: str
    owner: str
    about: str
    parts: tuple[str, ...] = ()
    rows: tuple[int, ...] | None = None
    single: tuple[tuple[str, str], ...] = ()


def weaves(after: Snapshot) -> tuple[Weave, ...]:
    """Return the ties of a model of rows, in the order of the rows that read."""
    first: dict[tuple[Region, tuple[int, ...]], str] = {}
    patterns: dict[tuple[str, str, str], dict[int | None, int | None]] = defaultdict(dict)
    single: list[tuple[str, str]] = []
    for slot in after.parameters():
        if slot.region is None:
            continue
        owner = first.setdefault((slot.region, slot.shape), slot.name)
        (reader, part), (source, other) = _split(slot.name), _split(owner)
        if part == other and (reader[1] is None) == (source[1] is None):
            if owner != slot.name:
                patterns[reader[0], source[0], part][reader[1]] = source[1]
        elif owner != slot.name:
            single.append((slot.name, owner))
    return (*_grouped(after, patterns), *_alone(single))


def _grouped(
    after: Snapshot, patterns: dict[tuple[str, str, str], dict[int | None, int | None]]
) -> list[Weave]:
    """Return the ties of equal parts, gathered by the layers that they concern."""
    parts: dict[tuple[str, str, tuple[tuple[int | None, int | None], ...]], list[str]] = defaultdict(list)
    for (reader, owner, part), layers_of in patterns.items():
        parts[reader, owner, tuple(layers_of.items())].append(part)
    held: dict[str, set[str]] = defaultdict(set)
    layers: dict[str, int] = defaultdict(int)
    for slot in after.parameters():
        (name, layer), part = _split(slot.name)
        held[name].add(part)
        layers[name] = max(layers[name], (layer or 0) + 1)
    out = []
    for (reader, owner, pairs), names in parts.items():
        out += _said((reader, owner), dict(pairs), (tuple(names), held[reader]), layers[reader])
    return out


def _said(
    ends: tuple[str, str],
    pairs: dict[int | None, int | None],
    names: tuple[tuple[str, ...], set[str]],
    depth: int,
) -> list[Weave]:
    reader, owner = ends
    mine, held = names
    parts = () if set(mine) == held else _shortest(mine, held)
    if None in pairs:
        if parts and len(mine) < 3:
            return _alone([(f"{reader}.{part}", f"{owner}.{part}") for part in mine])
        return [Weave(reader, owner, f"{reader} reads {_what(parts)} of {owner}", parts)]
    whole = {layer: row for layer, row in pairs.items() if layer is not None and row is not None}
    what = (
        f"{_what(parts)} of {owner}, layer by layer" if reader != owner else f"{_what(parts)} of other layers"
    )
    about = f"{reader}: layers {ranges(sorted(whole))} read {what}"
    if reader == owner:
        return [Weave(reader, owner, about, parts, tuple(whole.get(layer, layer) for layer in range(depth)))]
    if set(whole) == set(range(depth)):
        return [Weave(reader, owner, about, parts, tuple(whole[layer] for layer in range(depth)))]
    return [
        Weave(
            reader,
            owner,
            f"{reader}: layer {layer} reads layer {row} of {owner}",
            parts,
            None,
            tuple((f"{reader}.{layer}.{part}", f"{owner}.{row}.{part}") for part in mine),
        )
        for layer, row in whole.items()
    ]


def _alone(single: list[tuple[str, str]]) -> list[Weave]:
    return [Weave("", "", f"{reader} is {owner}", single=((reader, owner),)) for reader, owner in single]


def _what(parts: tuple[str, ...]) -> str:
    return listed([part.rstrip(".") for part in parts], 6) if parts else "the weights"


def _shortest(names: tuple[str, ...], held: set[str]) -> tuple[str, ...]:
    """Return beginnings that stand for these names among those held, and for no other."""
    found: list[str] = []
    for name in names:
        path = name.split(".")
        for size in range(1, len(path) + 1):
            start = ".".join(path[:size]) + ("." if size < len(path) else "")
            if {other for other in held if other.startswith(start)} <= set(names):
                found.append(start)
                break
    return tuple(dict.fromkeys(found))


def _split(name: str) -> tuple[Place, str]:
    """Return the row (and layer) that a name belongs to, and the rest of the name."""
    row, _, rest = name.partition(".")
    layer, _, inner = rest.partition(".")
    return ((row, int(layer)), inner) if layer.isdigit() else ((row, None), rest)
