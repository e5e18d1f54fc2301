"""Which boxes a model becomes: one for each group of a stack, one for each module outside of stacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shareviz.graphs._facts import Facts, short
from shareviz.graphs._rows import block_rows, module_rows
from shareviz.graphs._stack import Folded, fold_stack
from shareviz.graphs.parts import Row
from shareviz.text import plural, ranges

BOXES = 60  # more are folded by depth, deepest first
MOST_BOXES = 300  # of a model whose top level alone is larger


@dataclass(frozen=True, slots=True)
class Draft:
    """A box before it has a place. `stack` and `group` are -1 for modules outside of stacks.

    `first` is the place of its first weight in the order of definition; `whole`: it stands for
    everything below `path`.
    """

    path: str
    first: int
    names: tuple[str, ...]
    stack: int = -1
    group: int = -1
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Drafts:
    """All boxes in order of definition, the folded stacks by number, and notes on what was left out."""

    boxes: tuple[Draft, ...]
    folded: tuple[Folded, ...]
    notes: tuple[str, ...]


def drafts(facts: Facts) -> Drafts:
    """Return the boxes of a model, folded until they fit."""
    order = {name: place for place, name in enumerate(facts.named)}
    folded = tuple(fold_stack(facts, stack, place=place) for place, stack in enumerate(facts.stacks))
    blocks = [
        _block(facts, order, (place, group), members)
        for place, found in enumerate(folded)
        for group, members in enumerate(found.groups)
    ]
    inside = {name for stack in facts.stacks for name in stack.slots()}
    outside = [name for name in facts.named if name not in inside]
    for depth in (None, 3, 2, 1):
        modules = _modules(facts, order, outside, depth)
        boxes = sorted([*blocks, *modules], key=lambda draft: (draft.first, draft.group))
        if len(boxes) <= BOXES:
            note = f"Modules below depth {depth} are folded into one box each." if depth else ""
            return Drafts(tuple(boxes), folded, (note,) if note else ())
    boxes = _modules(facts, order, list(facts.named), 1)
    notes = ["Only the top level is drawn: the model has too many parts for one picture."]
    if len(boxes) > MOST_BOXES:
        notes.append(f"{plural(len(boxes) - MOST_BOXES, 'further part')} left out.")
    return Drafts(tuple(boxes[:MOST_BOXES]), (), tuple(notes))


def rows_of(facts: Facts, found: Drafts, draft: Draft, calls: int) -> tuple[Row, ...]:
    """Return the lines of a box; `calls` is how often its module is called, where its note says so."""
    if draft.stack < 0:
        return module_rows(facts, draft.path, draft.names, calls=calls)
    folded = found.folded[draft.stack]
    looped = in_loop(folded, draft.group)
    return block_rows(
        facts,
        (draft.stack, folded.groups[draft.group]),
        runs=folded.runs[draft.group] if looped else 0,
        elided=_is_rest(folded, draft.group),
    )


def block_title(facts: Facts, found: Drafts, draft: Draft, within: str) -> tuple[str, str]:
    """Return the title and the note of a group of layers; `within` is the path of the frame around it."""
    folded, stack = found.folded[draft.stack], facts.stacks[draft.stack]
    positions, runs = folded.groups[draft.group], folded.runs[draft.group]
    title = f"{relative(stack.prefix, within) or 'layers'} {ranges(stack.layers[p] for p in positions)}"
    if folded.elided is not None and _is_rest(folded, draft.group):
        return title, f"{folded.elided} more groups"
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


def _is_rest(folded: Folded, group: int) -> bool:
    return folded.elided is not None and group == len(folded.groups) - 2


def _block(facts: Facts, order: Mapping[str, int], at: tuple[int, int], members: Sequence[int]) -> Draft:
    stack = facts.stacks[at[0]]
    names = tuple(dict.fromkeys(name for p in members for name in stack.cells[p] if name is not None))
    return Draft(stack.prefix, min(order[name] for name in names), names, *at)


def _modules(facts: Facts, order: Mapping[str, int], names: Sequence[str], depth: int | None) -> list[Draft]:
    parents = {module.path.rpartition(".")[0] for module in facts.snapshot.modules if module.path}
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        path = facts.named[name].module
        groups[".".join(path.split(".")[:depth]) if depth else path].append(name)
    return [
        Draft(path, order[held[0]], tuple(held), whole=bool(path and depth) or path not in parents)
        for path, held in groups.items()
    ]
