"""Which boxes a model becomes: one for each group of a stack, one for each module outside of stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from shareviz.graphs._facts import Facts, short
from shareviz.graphs._open import Opened, closed, opened, wide
from shareviz.graphs._outside import Draft, Opening, hides, modules, parts_of, together
from shareviz.graphs._outside import opened as opened_parts
from shareviz.graphs._rows import block_rows, layer_rows, module_rows, tensor_rows
from shareviz.graphs._stack import Folded, fold_stack
from shareviz.graphs.look import GROUPS, LAYERS, TENSORS, USUAL, Look
from shareviz.graphs.parts import Row
from shareviz.text import plural, ranges

BOXES = 60  # more are folded by depth, deepest first
LEAST = 12  # layers of an opened group, however much else is drawn
LEAST_OPEN = 40  # boxes that opened modules may add, however many there are
MOST_BOXES = 300  # of a model whose top level alone is larger
ALIKE_NOTE = "Modules alike in structure and sharing are one box."


@dataclass(frozen=True, slots=True)
class Drafts:
    """All boxes in order of definition, the folded stacks by number, and notes on what was left out.

    `closed` are the same stacks with no box opened: what they store and how often they run. `opened` are
    the marks of the look that open something here, each with the title of what it opens.
    """

    boxes: tuple[Draft, ...]
    folded: tuple[Folded, ...]
    notes: tuple[str, ...]
    closed: tuple[Folded, ...] = ()
    look: Look = USUAL
    opened: tuple[tuple[str, str], ...] = ()


def drafts(facts: Facts, look: Look) -> Drafts:
    """Return the boxes of a model under a look, folded until they fit."""
    turned = _opened(facts, look)
    stacked = tuple(one.drawn for one in turned)
    blocks = [
        _block(facts, (place, group), members)
        for place, found in enumerate(stacked)
        for group, members in enumerate(found.groups)
    ]
    inside = {name for stack in facts.stacks for name in stack.slots()}
    outside = [name for name in facts.named if name not in inside]
    depths = [depth for depth in (3, 2, 1) if depth < look.depth or not look.depth]
    for depth, alike in product((look.depth or None, *depths), (False, True)):
        parts = modules(facts, outside, depth)
        parts = together(facts, parts) if alike else parts
        if len(blocks) + len(parts) <= BOXES:
            notes = [f"Modules below depth {depth} are folded into one box each."] if depth else []
            notes += [ALIKE_NOTE] if any(part.alike for part in parts) else []
            notes += [_left(facts, place, one) for place, one in enumerate(turned) if one.left]
            seen = Opening(max(BOXES - len(blocks) - len(parts), LEAST_OPEN))
            boxes = [*blocks, *opened_parts(facts, parts, look, seen)]
            plain = tuple(one.closed for one in turned)
            told = Drafts(_placed(boxes), stacked, (*notes, *seen.notes), plain, look)
            return replace(told, opened=(*in_effect(facts, look), *seen.titles.items()))
    return _top(facts, look)


def _top(facts: Facts, look: Look) -> Drafts:
    """Return the top level alone, for a model of which nothing else fits."""
    parts = together(facts, modules(facts, list(facts.named), 1))
    notes = ["Only the top level is drawn: the model has too many parts for one picture."]
    notes += [ALIKE_NOTE] if any(part.alike for part in parts) else []
    if len(parts) > MOST_BOXES:
        notes.append(f"{plural(len(parts) - MOST_BOXES, 'further part')} left out.")
    seen = Opening(LEAST_OPEN)
    boxes = opened_parts(facts, parts[:MOST_BOXES], look, seen)
    titles = tuple(seen.titles.items())
    return Drafts(_placed(boxes), (), (*notes, *seen.notes), (), look, titles)


def _placed(boxes: Sequence[Draft]) -> tuple[Draft, ...]:
    return tuple(sorted(boxes, key=lambda draft: (draft.first, draft.group)))


def _opened(facts: Facts, look: Look) -> tuple[Opened, ...]:
    """Return each stack under the look; what is opened shares the room that the closed boxes leave."""
    found = [fold_stack(facts, stack, place=place) for place, stack in enumerate(facts.stacks)]
    turned = sum(bool(wide(one, place, look)) for place, one in enumerate(found))
    inside = {name for stack in facts.stacks for name in stack.slots()}
    modules = len({facts.named[name].module for name in facts.named if name not in inside})
    taken = modules + sum(len(closed(one).groups) for one in found)
    room = max((BOXES - taken) // max(turned, 1), LEAST)
    return tuple(
        opened(one, (facts, facts.stacks[place], place), look, room=room) for place, one in enumerate(found)
    )


def in_effect(facts: Facts, look: Look) -> tuple[tuple[str, str], ...]:
    """Return the marks of a look that open something in this model, each with the title of what it opens."""
    kept = []
    for place, stack in enumerate(facts.stacks):
        name = short(stack.prefix or "layers")
        found = fold_stack(facts, stack, place=place)
        if look.every(place) and closed(found).elided is not None:
            kept.append((f"{GROUPS}{place}", f"{name}: all groups"))
        heads = look.layers(place)
        for group in found.groups:
            if group[0] in heads and len(group) > 1:
                title = f"{name} {ranges(stack.layers[p] for p in group)}"
                kept.append((f"{LAYERS}{place}.{group[0]}", title))
        known = sorted(position for position in look.tensors(place) if position < len(stack.layers))
        kept += [(f"{TENSORS}{place}.{p}", f"{name} {stack.layers[p]}: tensors") for p in known]
    return tuple(kept)


def _left(facts: Facts, place: int, one: Opened) -> str:
    name = short(facts.stacks[place].prefix or "layers")
    return f"{name}: {plural(one.single, 'layer')} drawn one by one, {one.left} more told as one box."


def mark_of(facts: Facts, found: Drafts, draft: Draft) -> str:
    """Return the mark of a look that opens or closes a box, or "" if there is nothing in it to show."""
    if draft.stack < 0:
        more = not draft.left and (parts_of(facts, draft) or hides(facts, draft))
        return draft.mark if more else ""
    folded = found.folded[draft.stack]
    positions = folded.groups[draft.group]
    if len(positions) == 1:
        return f"{TENSORS}{draft.stack}.{positions[0]}"
    if draft.group == folded.rest:
        return f"{GROUPS}{draft.stack}" if folded.elided is not None else ""
    return f"{LAYERS}{draft.stack}.{positions[0]}"


def rows_of(facts: Facts, found: Drafts, draft: Draft, calls: int) -> tuple[Row, ...]:
    """Return the lines of a box; `calls` is how often its module is called, where its note says so."""
    turned = mark_of(facts, found, draft) in found.look.opened
    if draft.stack < 0:
        if draft.alike and not draft.left:
            one = draft.alike[0]
            return _each(module_rows(facts, one.path, one.names))
        if turned and not parts_of(facts, draft):
            return tensor_rows(facts, draft.path, draft.names)
        return module_rows(facts, draft.path, draft.names, calls=calls)
    if turned:
        return layer_rows(facts, draft.stack, found.folded[draft.stack].groups[draft.group][0])
    return group_rows(facts, found.folded[draft.stack], draft.stack, draft.group)


def _each(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the lines of one of several equal modules: what is its own counts for each."""
    return tuple(row if row.sets else replace(row, detail=f"{row.detail} each") for row in rows)


def group_rows(facts: Facts, folded: Folded, stack: int, group: int) -> tuple[Row, ...]:
    """Return the lines of a group of layers."""
    return block_rows(
        facts,
        (stack, folded.groups[group]),
        runs=folded.runs[group] if in_loop(folded, group) else 0,
        elided=group == folded.rest,
    )


def block_title(facts: Facts, found: Drafts, draft: Draft, within: str) -> tuple[str, str]:
    """Return the title and the note of a group of layers; `within` is the path of the frame around it."""
    folded, stack = found.folded[draft.stack], facts.stacks[draft.stack]
    positions, runs = folded.groups[draft.group], folded.runs[draft.group]
    title = f"{relative(stack.prefix, within) or 'layers'} {ranges(stack.layers[p] for p in positions)}"
    if draft.group == folded.rest:
        more = f"{folded.elided} more groups" if folded.elided is not None else f"{len(positions)} more"
        return title, more
    if in_loop(folded, draft.group) or runs == 1:
        return title, ""
    return title, f"×{runs}" + ("" if facts.set_ids(draft.names) else ", own")


def in_loop(folded: Folded, group: int) -> bool:
    """Whether a loop beside the boxes says how often this group runs."""
    return folded.loop is not None and folded.loop[0] <= group <= folded.loop[1]


def relative(path: str, within: str) -> str:
    """Return a path as it is called inside a frame, shortened in front."""
    rest = path[len(within) + 1 :] if within and path.startswith(f"{within}.") else path
    return "" if path == within or not rest else short(rest)


def _block(facts: Facts, at: tuple[int, int], members: Sequence[int]) -> Draft:
    stack = facts.stacks[at[0]]
    names = tuple(dict.fromkeys(name for p in members for name in stack.cells[p] if name is not None))
    return Draft(stack.prefix, min(facts.order[name] for name in names), names, *at)
