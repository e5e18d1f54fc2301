"""Frames around boxes: the modules that hold several of them, and each stack with more than one group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shareviz.graphs._drafts import Drafts, group_rows, relative
from shareviz.graphs._facts import Facts
from shareviz.graphs._outside import Draft
from shareviz.graphs._stack import Folded
from shareviz.graphs.look import ALIKE, MODULE
from shareviz.graphs.parts import Cluster, Row
from shareviz.sharing import ancestors
from shareviz.text import plural, ranges

DEPTH = 3  # frames inside frames, a stack's own not counted


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames, the one that each box is in (by the box's place), and the path to leave out in titles."""

    clusters: tuple[Cluster, ...]
    of: tuple[str, ...]
    paths: Mapping[str, str]
    stacks: Mapping[int, str]  # number of a stack → its own frame, where it has one


def frames(facts: Facts, found: Drafts) -> Frames:
    """Return the frames of a model."""
    chains = [_chain(draft) for draft in found.boxes]
    shown = _shown(found, chains)
    ids = {place: f"c{number}" for number, place in enumerate(shown)}
    many = [place for place, folded in enumerate(found.folded) if len(folded.groups) > 1]
    own = {place: f"c{len(ids) + number}" for number, place in enumerate(many)}
    paths = {id_: place.path for place, id_ in ids.items()}
    above = [next((ids[one] for one in reversed(chain) if one in ids), "") for chain in chains]
    of = tuple(own.get(draft.stack, outer) for draft, outer in zip(found.boxes, above, strict=True))
    titles = dict(found.opened)
    made = [_module_frame(place, shown[place], (ids, titles)) for place in shown]
    for place in many:
        at = next(n for n, draft in enumerate(found.boxes) if draft.stack == place)
        base = found.closed[place]
        held = [group_rows(facts, base, place, group) for group in range(len(base.groups))]
        stack, within = facts.stacks[place], paths.get(above[at], "")
        title = f"{relative(stack.prefix, within) or 'layers'} {ranges(stack.layers)}"
        closes = f"-{place}" if base.groups != found.folded[place].groups else ""
        made.append(Cluster(own[place], title, _note(base, held), above[at], closes))
        paths[own[place]] = within
    return Frames(tuple(made), of, paths, own)


class _Place(NamedTuple):
    """What a frame is drawn around: a module, or with a mark what was opened, the module or its equals."""

    path: str
    mark: str = ""


def _chain(draft: Draft) -> list[_Place]:
    """Return the places whose frame may hold a box, outermost first."""
    held = [path for path in ancestors(draft.path) if path]
    inner = draft.whole and draft.stack < 0
    marks = {path: mark for mark, path in draft.frames if mark[0] == MODULE}
    chain = [
        _Place(path, marks.get(path, "")) for path in reversed(held) if not (inner and path == draft.path)
    ]
    for mark, path in reversed([one for one in draft.frames if one[0][0] == ALIKE]):
        chain.insert(path.count(".") + 1 if path else 0, _Place(path, mark))
    return chain


def _shown(found: Drafts, chains: list[list[_Place]]) -> dict[_Place, _Place | None]:
    """Return the places that get a frame, with the one around it: it was opened, or it holds several parts,
    not all, and fewer than the one around.
    """
    items: dict[_Place, set[object]] = defaultdict(set)
    whole: set[object] = set()
    for number, (draft, chain) in enumerate(zip(found.boxes, chains, strict=True)):
        item = ("stack", draft.stack) if draft.stack >= 0 else ("box", number)
        whole.add(item)
        for place in chain:
            items[place].add(item)
    shown: dict[_Place, _Place | None] = {}
    for chain in chains:
        outer: set[object] = whole
        around: _Place | None = None
        depth = 0
        for place in chain:
            if place.mark or (len(items[place]) > 1 and items[place] != outer and depth < DEPTH):
                shown[place] = around
                outer, around, depth = items[place], place, depth + 1
    return shown


def _module_frame(
    place: _Place, outer: _Place | None, names: tuple[Mapping[_Place, str], Mapping[str, str]]
) -> Cluster:
    ids, titles = names
    title = relative(place.path, outer.path if outer else "")
    if place.mark[:1] == ALIKE:
        title = titles[place.mark]
    # no note: arrows enter a frame at its middle and would cross a longer label
    return Cluster(ids[place], title, "", ids[outer] if outer else "", place.mark)


def _note(folded: Folded, rows: list[tuple[Row, ...]]) -> str:
    """Return what a stack stores and how often it runs, in a few words."""
    runs = sum(folded.runs)
    if not any(row.sets for held in rows for row in held):
        return f"{plural(runs, 'layer')}, own"
    if any(set(_heavy(held)) == {True, False} for held in rows):
        return f"{plural(runs, 'run')}, partly shared"
    stored = sum(_stored(folded, group, held) for group, held in enumerate(rows))
    each = set(folded.runs)
    shared = all(any(row.sets for row in held) for held in rows)
    if shared and folded.elided is None and len(each) == 1 and each != {1}:
        return f"{stored} stored, each runs {plural(each.pop(), 'time')}"
    return f"{stored} stored, {plural(runs, 'run')}"


def _stored(folded: Folded, group: int, rows: tuple[Row, ...]) -> int:
    if not any(row.sets for row in rows):
        return len(folded.groups[group])
    if folded.elided is not None and group == folded.rest:
        return folded.elided
    return 1


def _heavy(rows: tuple[Row, ...]) -> Iterator[bool]:
    """Yield for each row but norms whether it is shared, where the box shares anything."""
    if any(row.sets for row in rows):
        yield from (bool(row.sets) for row in rows if row.label != "norms")
