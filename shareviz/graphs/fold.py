"""A snapshot as a small graph: repeated blocks folded, sharing as colour and ties, data flow as arrows.

Layers of equal structure and equal sharing are one box, so 96 layers take no more room than 12.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from shareviz.graphs._arrows import arrows
from shareviz.graphs._drafts import Drafts, block_title, drafts, mark_of, relative, rows_of
from shareviz.graphs._facts import Facts, facts, short
from shareviz.graphs._frames import Frames, frames
from shareviz.graphs._outside import Draft, title_of
from shareviz.graphs.look import USUAL, Look
from shareviz.graphs.parts import Box, Graph, Tie
from shareviz.snapshot import Snapshot
from shareviz.text import clean, listed, ranges

LONG = 16  # letters of a title that leave no room for the class beside it
UNTRACED = "Order of definition: the forward pass of this source is not known."


def fold(snapshot: Snapshot, look: Look = USUAL) -> Graph:
    """Return the graph of a model under a look, folded until it fits on a page."""
    known = facts(snapshot)
    found = drafts(known, look)
    around = frames(known, found)
    boxes = _boxes(known, found, around)
    drawn = arrows(known, found, around)
    traced = snapshot.steps is not None
    crossed = {frame for place, frame in around.stacks.items() if place not in drawn.chained}
    return Graph(
        boxes=tuple(boxes),
        # arrows end at the frame of a chain, but run through the title of others
        clusters=tuple(replace(one, note="") if one.id in crossed else one for one in around.clusters),
        edges=drawn.edges,
        loops=drawn.loops,
        ties=_ties(found, boxes),
        notes=found.notes if traced or len(boxes) < 2 else (*found.notes, UNTRACED),
        traced=traced,
        opened=found.opened,
        flow=look.flow or not traced,
    )


def _boxes(known: Facts, found: Drafts, around: Frames) -> list[Box]:
    calls = _calls(known.snapshot)
    boxes = []
    for number, draft in enumerate(found.boxes):
        title, note = _title(known, found, draft, around.paths.get(around.of[number], ""))
        often = 1 if draft.stack >= 0 or draft.alike else calls[draft.path]
        if often > 1:
            note += f"{', ' if note else ''}×{often} calls"
        rows = rows_of(known, found, draft, often)
        if not found.look.own:
            rows = tuple(row for row in rows if row.sets)
        mark = mark_of(known, found, draft)
        box = Box(f"n{number}", title, note, rows, _names(known, found, draft), around.of[number])
        boxes.append(replace(box, mark=mark, open=mark in found.look.opened, held=draft.names))
    return boxes


def _calls(snapshot: Snapshot) -> Counter[str]:
    calls: Counter[str] = Counter()
    for step in snapshot.steps or ():
        calls[step.module] = max(calls[step.module], step.call + 1)
    return calls


def _title(known: Facts, found: Drafts, draft: Draft, within: str) -> tuple[str, str]:
    if draft.stack >= 0:
        return block_title(known, found, draft, within)
    if draft.alike:
        return _alike_title(known, draft, within)
    module = known.snapshot.by_path.get(draft.path)
    cls = short(module.cls, 24) if module is not None and module.cls else ""
    title = relative(draft.path, within)
    if not title:
        return cls or "model", ""
    return title, cls if len(title) < LONG else ""


def _alike_title(known: Facts, draft: Draft, within: str) -> tuple[str, str]:
    """Return what equal modules are called, and how many they are; those that found no room are counted."""
    if draft.left:
        return f"{len(draft.alike)} more", ""
    ends = draft.alike[0].path, draft.alike[-1].path
    first, last = (relative(path, within) for path in ends)
    own = "" if known.set_ids(draft.names) else ", own"
    return f"{first} … {last.rpartition('.')[2]}", f"×{len(draft.alike)}{own}"


def _names(known: Facts, found: Drafts, draft: Draft) -> str:
    if draft.alike:
        return f"{title_of(draft)}: {listed(draft.names, 3)}"
    if draft.stack < 0:
        module = known.snapshot.by_path.get(draft.path)
        cls = f": {clean(module.cls, 80)}" if module is not None and module.cls else ""
        return (clean(draft.path, 160) or "model") + cls
    stack = known.stacks[draft.stack]
    layers = ranges(stack.layers[p] for p in found.folded[draft.stack].groups[draft.group])
    return f"{clean(stack.prefix, 160)} {layers}: {listed(draft.names, 3)}"


def _ties(found: Drafts, boxes: list[Box]) -> tuple[Tie, ...]:
    """Return the sets that boxes of different stacks or modules share; equal ends are one tie."""
    ends: dict[str, dict[object, str]] = {}
    for draft, box in zip(found.boxes, boxes, strict=True):
        for set_id in box.sets:
            item = ("stack", draft.stack) if draft.stack >= 0 else box.id
            ends.setdefault(set_id, {}).setdefault(item, box.id)
    same: dict[tuple[str, ...], list[str]] = {}
    for set_id, items in ends.items():
        if len(items) > 1:
            same.setdefault(tuple(items.values()), []).append(set_id)
    return tuple(Tie(tuple(sets), held) for held, sets in same.items())
