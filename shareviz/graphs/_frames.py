"""Frames around boxes: the modules that hold several of them, and each stack with more than one group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shareviz.graphs._drafts import Draft, Drafts, group_rows, relative
from shareviz.graphs._facts import Facts
from shareviz.graphs._stack import Folded
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
    ids = {path: f"c{number}" for number, path in enumerate(shown)}
    many = [place for place, folded in enumerate(found.folded) if len(folded.groups) > 1]
    own = {place: f"c{len(ids) + number}" for number, place in enumerate(many)}
    paths = {id_: path for path, id_ in ids.items()}
    above = [next((ids[path] for path in reversed(chain) if path in ids), "") for chain in chains]
    of = tuple(own.get(draft.stack, outer) for draft, outer in zip(found.boxes, above, strict=True))
    made = [_module_frame(path, ids) for path in shown]
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


def _chain(draft: Draft) -> list[str]:
    """Return the paths whose frame may hold a box, outermost first."""
    held = [path for path in ancestors(draft.path) if path]
    inner = draft.whole and draft.stack < 0
    return [path for path in reversed(held) if not (inner and path == draft.path)]


def _shown(found: Drafts, chains: list[list[str]]) -> list[str]:
    """Return the paths that get a frame: it holds several parts, not all, and fewer than the one around."""
    items: dict[str, set[object]] = defaultdict(set)
    whole: set[object] = set()
    for number, (draft, chain) in enumerate(zip(found.boxes, chains, strict=True)):
        item = ("stack", draft.stack) if draft.stack >= 0 else ("box", number)
        whole.add(item)
        for path in chain:
            items[path].add(item)
    shown: dict[str, None] = {}
    for chain in chains:
        outer: set[object] = whole
        depth = 0
        for path in chain:
            if len(items[path]) > 1 and items[path] != outer and depth < DEPTH:
                shown[path] = None
                outer, depth = items[path], depth + 1
    return list(shown)


def _module_frame(path: str, ids: Mapping[str, str]) -> Cluster:
    outer = next((above for above in ancestors(path) if above != path and above in ids), "")
    # no note: arrows enter a frame at its middle and would cross a longer label
    return Cluster(ids[path], relative(path, outer), "", ids.get(outer, ""))


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
