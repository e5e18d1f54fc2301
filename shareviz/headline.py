"""The answer of a page in one sentence, computed from a Snapshot."""

from __future__ import annotations

from collections import Counter

from shareviz.layers import SharingMap, Stack, passes, sharing_map, stacks
from shareviz.roles import Role, roles
from shareviz.sets import SharedSet, shared_sets
from shareviz.sharing import Tally, tally
from shareviz.snapshot import Snapshot
from shareviz.text import count, plural


def headline(snapshot: Snapshot) -> str:
    """Return what is shared with what, as a title of a few words.

    Example: "12 layers, 3 stored blocks", "The output head is the token table",
    "12 layers, nothing shared".
    """
    sets = shared_sets(snapshot)
    stack = main_stack(snapshot)
    if stack is not None:
        said = _about_layers(snapshot, stack, sets)
        if said:
            return said
    if not sets:
        layers = depth(snapshot)
        return f"{plural(layers, 'layer')}, nothing shared" if layers else "Nothing is shared"
    return _about_ties(snapshot, sets)


def explanation(snapshot: Snapshot) -> str:
    """Return the sentence below the title: what is stored, what is used, and why they differ."""
    counts = tally(snapshot)
    parts = [f"Stores {count(counts.stored)} parameters"]
    if counts.used is not None:
        parts = [f"Stores {count(counts.stored)} parameters and uses {count(counts.used)}"]
    elif counts.named != counts.stored:
        parts.append(f"under names that add up to {count(counts.named)}")
    reasons = _reasons(snapshot, counts)
    text = " ".join(parts) + (f": {', and '.join(reasons)}." if reasons else ".")
    if counts.used is None:
        text += " How often each is used, this source cannot say."
    return text


def main_stack(snapshot: Snapshot) -> Stack | None:
    """Return the stack in which sharing saves most, else the one with the most cells, or None."""
    saved = Counter[str]()
    for shared in shared_sets(snapshot):
        for name in shared.names:
            saved[name] += shared.saved

    def weight(stack: Stack) -> tuple[int, int]:
        here = sum(saved[name] for name in stack.slots())
        return here, len(stack.layers) * len(stack.columns)

    return max(stacks(snapshot), key=weight, default=None)


def depth(snapshot: Snapshot) -> int:
    """Return how many layers run: the passes of all stacks together."""
    return sum(len(passes(snapshot, stack)) for stack in stacks(snapshot))


def _about_layers(snapshot: Snapshot, stack: Stack, sets: tuple[SharedSet, ...]) -> str:
    if not any(shared.kind == "layers" for shared in sets):
        return ""
    run = len(passes(snapshot, stack))
    found = sharing_map(snapshot, stack)
    noun = layer_noun(snapshot, stack)
    attention, forward = (_stored(snapshot, found, role) for role in (Role.ATTENTION, Role.FEED_FORWARD))
    if noun == "layer" and attention and forward and attention != forward:
        return f"{run} layers: {attention} attention, {forward} feed-forward stored"
    rows = max((len(set(column) - {None}) for column in _heavy(snapshot, found)), default=0)
    if noun == "layer" and 0 < attention == forward < rows:
        return f"{run} layers: {attention} attention and feed-forward stored"
    what = "block" if noun == "layer" else noun
    return f"{plural(run, noun)}, {rows} stored {what if rows == 1 else what + 's'}"


def layer_noun(snapshot: Snapshot, stack: Stack) -> str:
    """Return what a member of a stack is called: layer, step, tower, expert or stage."""
    last = stack.prefix.rpartition(".")[2].lower()
    for word in ("cell", "tower", "expert", "stage"):
        if word in last:
            return {"cell": "step"}.get(word, word)
    return "layer"


def _heavy(snapshot: Snapshot, found: SharingMap) -> list[tuple[int | None, ...]]:
    """Return the rows of the columns that carry weight: norms and biases left out where others exist."""
    known = roles(snapshot)
    heavy: list[tuple[int | None, ...]] = []
    light: list[tuple[int | None, ...]] = []
    for column, rows in zip(found.stack.columns, found.rows, strict=True):
        name = next((name for name in found.stack.column(column) if name is not None), None)
        small = name is None or known.get(name) is Role.NORM or column.endswith("bias")
        (light if small else heavy).append(rows)
    return heavy or light


def _stored(snapshot: Snapshot, found: SharingMap, role: Role) -> int:
    known = roles(snapshot)
    counts = []
    for column, rows in zip(found.stack.columns, found.rows, strict=True):
        names = [name for name in found.stack.column(column) if name is not None]
        if names and known.get(names[0]) is role and not column.endswith("bias"):
            counts.append(len({row for row in rows if row is not None}))
    return max(counts, default=0)


def _about_ties(snapshot: Snapshot, sets: tuple[SharedSet, ...]) -> str:
    if len(sets) == 1 and sets[0].kind == "tie":
        known = {roles(snapshot)[name] for name in sets[0].names}
        if known == {Role.EMBEDDING, Role.HEAD}:
            return "The output head is the token table"
    if len(sets) == 1 and sets[0].kind == "reuse":
        return f"{sets[0].where or 'The model'} is used {sets[0].users.split()[0]} times"
    tensors = sum(len(shared.groups) for shared in sets)
    places = sum(len(group) for shared in sets for group in shared.groups)
    if places > tensors:
        return (
            f"{plural(tensors, 'tensor')} {'is' if tensors == 1 else 'are'} used in {plural(places, 'place')}"
        )
    return f"{plural(tensors, 'tensor')} {'is' if tensors == 1 else 'are'} used more than once"


def _reasons(snapshot: Snapshot, counts: Tally) -> list[str]:
    sets = shared_sets(snapshot)
    reasons = []
    if any(shared.kind == "layers" for shared in sets):
        stack = main_stack(snapshot)
        if stack is not None:
            runs = {
                len(shared.layers) for shared in sets if shared.kind == "layers" and len(shared.layers) > 1
            }
            run, noun = len(passes(snapshot, stack)), layer_noun(snapshot, stack)
            if len(stack.layers) == 1:
                reasons.append(f"one stored block runs {run} times")
            elif len(runs) == 1:
                what = "block" if noun == "layer" else noun
                reasons.append(f"each shared {what} serves {plural(runs.pop(), noun)}")
            else:
                reasons.append(f"{noun}s share blocks")
    for shared in sets:
        if shared.kind == "tie" and {roles(snapshot)[name] for name in shared.names} >= {
            Role.EMBEDDING,
            Role.HEAD,
        }:
            reasons.append("the output head is the token table")
            break
    if counts.never_read:
        reasons.append(f"{count(counts.never_read)} are never read")
    return reasons
