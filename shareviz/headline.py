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
        repeated = _repeated(snapshot)
        return f"{repeated}, nothing shared" if repeated else "Nothing is shared"
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
    text = " ".join(parts) + (f": {_listed(reasons)}." if reasons else ".")
    if counts.used is None:
        text += " How often each is used, this source cannot say."
    return text


def _listed(reasons: list[str]) -> str:
    if len(reasons) < 3:
        return ", and ".join(reasons)
    return f"{', '.join(reasons[:-1])}, and {reasons[-1]}"


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


def _repeated(snapshot: Snapshot) -> str:
    """Return what runs repeatedly, in the words for it: 12 layers; 2 towers, 2 heads."""
    runs = Counter[str]()
    for stack in stacks(snapshot):
        runs[layer_noun(snapshot, stack)] += len(passes(snapshot, stack))
    return ", ".join(plural(number, noun) for noun, number in runs.items())


def _about_layers(snapshot: Snapshot, stack: Stack, sets: tuple[SharedSet, ...]) -> str:
    if not any(shared.kind == "layers" for shared in sets):
        return ""
    run, found = len(passes(snapshot, stack)), sharing_map(snapshot, stack)
    noun = layer_noun(snapshot, stack)
    attention, forward = (_stored(snapshot, found, role) for role in (Role.ATTENTION, Role.FEED_FORWARD))
    if noun == "layer" and attention and forward and attention != forward:
        return f"{run} layers: {attention} attention, {forward} feed-forward stored"
    rows = _blocks(snapshot, found)
    if rows >= run:
        return f"{plural(run, noun)} share some of their weights"
    unit = _UNITS.get(noun, "block") if rows == 1 else _UNITS.get(noun, "block") + "s"
    beside = [other for other in stacks(snapshot) if other.prefix == stack.prefix and other != stack]
    if beside:
        whole = run + sum(len(passes(snapshot, other)) for other in beside)
        return f"{plural(whole, noun)}, {run} of them run {rows} stored {unit}"
    return f"{plural(run, noun)}, {rows} stored {unit}"


def _blocks(snapshot: Snapshot, found: SharingMap) -> int:
    """Return how many blocks are stored; as many as there are layers where some of each is its own."""
    rows = max((len(set(column) - {None}) for column in _heavy(snapshot, found)), default=0)
    attention, forward = (_stored(snapshot, found, role) for role in (Role.ATTENTION, Role.FEED_FORWARD))
    if layer_noun(snapshot, found.stack) == "layer" and 0 < attention == forward < rows:
        return attention  # what is beside the attention and feed-forward blocks is each layer's own
    return rows


_UNITS = {"step": "cell", "tower": "tower", "expert": "expert", "head": "head", "stage": "stage"}


def layer_noun(snapshot: Snapshot, stack: Stack) -> str:
    """Return what a member of a stack is called: layer, step, tower, expert, head or stage."""
    last = stack.prefix.rpartition(".")[2].lower()
    for word in ("cell", "tower", "expert", "heads", "stage"):
        if word in last:
            return {"cell": "step", "heads": "head"}.get(word, word)
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
    if len(sets) == 1 and sets[0].kind == "tie" and (said := _table_tie(snapshot, sets[0])):
        return said[:1].upper() + said[1:]
    if len(sets) == 1 and sets[0].kind == "reuse":
        return f"{sets[0].where or 'The model'} is used {sets[0].users.split()[0]} times"
    tensors = sum(len(shared.groups) for shared in sets)
    places = sum(len(group) for shared in sets for group in shared.groups)
    what = f"{plural(tensors, 'tensor')} {'is' if tensors == 1 else 'are'}"
    return f"{what} used in {plural(places, 'place')}" if places > tensors else f"{what} used more than once"


def _table_tie(snapshot: Snapshot, shared: SharedSet) -> str:
    """Return how token tables and heads are one, or "" where the set is something else."""
    known = [roles(snapshot)[name] for name in shared.names]
    if set(known) != {Role.EMBEDDING, Role.HEAD} or len(shared.groups) != 1:
        return ""
    if len(known) == 2:
        return "the output head is the token table"
    tables, heads = known.count(Role.EMBEDDING), known.count(Role.HEAD)
    return f"{plural(tables, 'token table')} and {plural(heads, 'output head')} are one"


def _reasons(snapshot: Snapshot, counts: Tally) -> list[str]:
    sets = shared_sets(snapshot)
    reasons = [_about_reuse(snapshot, sets)]
    reasons += [_table_tie(snapshot, shared) for shared in sets if shared.kind == "tie"]
    if counts.never_read:
        reasons.append(f"{count(counts.never_read)} are never read")
    return [reason for reason in reasons if reason]


def _about_reuse(snapshot: Snapshot, sets: tuple[SharedSet, ...]) -> str:
    lengths = {len(shared.layers) for shared in sets if shared.kind == "layers"}
    stack = main_stack(snapshot) if lengths else None
    if stack is None:
        return ""
    noun = layer_noun(snapshot, stack)
    if len(stack.layers) == 1:
        return f"one stored block runs {len(passes(snapshot, stack))} times"
    shared = lengths - {1}
    if len(shared) != 1:
        return f"{noun}s share blocks"
    number = shared.pop()
    whole = _blocks(snapshot, sharing_map(snapshot, stack)) < len(passes(snapshot, stack))
    unit = _UNITS.get(noun, "block") if whole else "part"
    rows = sum(one.kind == "layers" and len(one.layers) == number for one in sets)
    return f"{'the one stored' if rows == 1 else 'each shared'} {unit} serves {plural(number, noun)}"
