"""Shared sets: all tensors with the same users, one colour and one id each.

A set is what a person sees: "attention and feed-forward of layers 0, 3, 6, 9". Ties across columns
(K = V, embedding = head) always make a set of their own, so equal colours side by side are no tie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from shareviz.layers import Stack, stacks
from shareviz.once import once
from shareviz.relations import Relation, between
from shareviz.roles import Role, roles
from shareviz.sharing import ancestors, distinct, named_numels, readers, reads
from shareviz.snapshot import Evidence, Snapshot, Tensor
from shareviz.text import listed, plural, ranges

SMALL = (Role.NORM,)  # named only when nothing else is in the set
ONCE = Fraction(1)


@dataclass(frozen=True, slots=True)
class SharedSet:
    """Tensors that the same places use.

    `id` is S1, S2, …: ties first, then by first layer. `what`, `where` and `users` are words.
    `groups` lists the tied names of each tensor; `layers` the layer positions of `prefix`'s stack,
    or () outside one. `stored` and `saved` count elements; `saved` is by ties and by reuse.
    """

    id: str
    kind: str  # tie | layers | reuse
    what: str
    where: str
    users: str
    groups: tuple[tuple[str, ...], ...]
    prefix: str
    layers: tuple[int, ...]
    stored: int
    saved: int
    relation: Relation
    evidence: Evidence

    @property
    def names(self) -> tuple[str, ...]:
        """Return all first names of the set's slots."""
        return tuple(name for group in self.groups for name in group)


@dataclass(frozen=True, slots=True)
class _Atom:
    """One shared tensor: the slots that read it."""

    slots: tuple[Tensor, ...]
    key: tuple[object, ...]
    saved: int
    users: int
    first: int


@once
def shared_sets(snapshot: Snapshot) -> tuple[SharedSet, ...]:
    """Return the shared sets of a model in the order of their ids; () where nothing is shared."""
    found_stacks = stacks(snapshot)
    atoms = _atoms(snapshot, found_stacks)
    grouped: dict[tuple[object, ...], list[_Atom]] = defaultdict(list)
    for atom in atoms:
        grouped[atom.key].append(atom)
    ordered = sorted(grouped.items(), key=lambda item: (item[0][0] != "tie", item[1][0].first))
    known = roles(snapshot)
    return tuple(
        _set(f"S{n}", (key, members), found_stacks, known) for n, (key, members) in enumerate(ordered, 1)
    )


def set_of(sets: Iterable[SharedSet]) -> Mapping[str, str]:
    """Return {slot name: set id} for every name in the sets."""
    return {name: shared.id for shared in sets for name in shared.names}


def own_stored(snapshot: Snapshot, sets: Iterable[SharedSet]) -> int:
    """Return the elements stored outside all sets, so that the stored column adds up."""
    inside = {name for shared in sets for name in shared.names}
    return distinct(slot for slot in snapshot.parameters() if slot.name not in inside)


def _atoms(snapshot: Snapshot, found: tuple[Stack, ...]) -> list[_Atom]:
    numels, counts = named_numels(snapshot), _counts(snapshot)
    top = _top_of_reuse(snapshot, counts)
    places = _places(snapshot, found)
    hosts = {piece: weight.name for weight in snapshot.derived for piece in weight.reads}
    atoms = []
    for order, slots in enumerate(readers(snapshot)):
        names = [slot.name for slot in slots]
        more = {name: counts[name] - 1 for name in names if name in counts}
        again = sum(times * numels[name] for name, times in more.items() if times > 0)
        if len(slots) == 1 and not again:
            continue
        if snapshot.steps is None and len(slots) == 1:
            again = 0  # two names of one module: used twice only if a trace shows it
        ties = sum(slot.numel for slot in slots) - distinct(slots)
        runs = len(names) + sum(more.values())
        key = _key(names, places, top, counts)
        if key == ("tie",):  # the pieces of one weight are tied together: one set
            key = ("tie", tuple(hosts.get(name, name).rpartition(".")[0] for name in names))
        atoms.append(_Atom(slots, key, ties + int(again), int(runs), order))
    return atoms


def _counts(snapshot: Snapshot) -> Mapping[str, Fraction]:
    """Return how often each named weight is used, by the trace or else by its names; left out: once."""
    numels, taken = named_numels(snapshot), reads(snapshot)
    if taken is not None:
        return {
            name: Fraction(taken[name], numel) for name, numel in numels.items() if taken[name] != numel > 0
        }
    weights = (snapshot.by_name.get(name) or snapshot.derived_by_name[name] for name in numels)
    paths = {weight.name: len(snapshot.names_of(weight)) for weight in weights}
    return {name: Fraction(number) for name, number in paths.items() if number > 1}


def _places(snapshot: Snapshot, found: tuple[Stack, ...]) -> Mapping[str, tuple[int, str, tuple[int, ...]]]:
    """Return {slot: (stack, column, positions)} for slots and pieces inside stacks."""
    places: dict[str, tuple[int, str, tuple[int, ...]]] = {}
    for number, stack in enumerate(found):
        for position, row in enumerate(stack.cells):
            for column, name in zip(stack.columns, row, strict=True):
                if name is None:
                    continue
                weight = snapshot.derived_by_name.get(name)
                for part in weight.reads if weight else (name,):
                    label = f"{column}·{part.rpartition('.')[2]}" if weight else column
                    first = places.setdefault(part, (number, label, ()))
                    if first[:2] == (number, label):  # a module may stand in two columns: its first counts
                        places[part] = (number, label, (*first[2], position))
    return places


def _key(
    names: list[str],
    places: Mapping[str, tuple[int, str, tuple[int, ...]]],
    top: Mapping[str, str],
    counts: Mapping[str, Fraction],
) -> tuple[object, ...]:
    where = [places.get(name) for name in names]
    inside = [place for place in where if place is not None]
    if len(inside) == len(names) and len({place[:2] for place in inside}) == 1:
        positions = tuple(sorted({position for place in inside for position in place[2]}))
        repeats = max(counts.get(name, ONCE) for name in names)
        return ("layers", inside[0][0], positions, repeats)
    if len(names) == 1:
        return ("reuse", top.get(names[0], names[0]), counts.get(names[0], ONCE))
    return ("tie",)


def _top_of_reuse(snapshot: Snapshot, counts: Mapping[str, Fraction]) -> Mapping[str, str]:
    """Return {slot: outermost module all of whose slots are used equally often}."""
    if not counts:
        return {}
    under: dict[str, set[Fraction | None]] = defaultdict(set)
    hosts = {slot.name: slot.module for slot in snapshot.parameters()}
    hosts |= {weight.name: weight.module for weight in snapshot.derived}
    for name, module in hosts.items():
        for path in ancestors(module):
            under[path].add(counts.get(name))
    top = {}
    for slot in snapshot.parameters():
        even = [path for path in ancestors(slot.module) if path and len(under[path]) == 1]
        top[slot.name] = even[-1] if even else slot.module
    return top


def _set(
    id_: str,
    found: tuple[tuple[object, ...], list[_Atom]],
    in_stacks: tuple[Stack, ...],
    known: Mapping[str, Role],
) -> SharedSet:
    key, atoms = found
    slots = [slot for atom in atoms for slot in atom.slots]
    kind = str(key[0])
    relation = max((_relation(atom.slots) for atom in atoms), key=list(Relation).index)
    layers: tuple[int, ...] = key[2] if kind == "layers" else ()  # type: ignore[assignment]
    return SharedSet(
        id=id_,
        kind=kind,
        what=_what(kind, slots, known),
        where=_where(key, slots, in_stacks),
        users=_users(kind, atoms, layers),
        groups=tuple(tuple(slot.name for slot in atom.slots) for atom in atoms),
        prefix=in_stacks[key[1]].prefix if layers and isinstance(key[1], int) else "",
        layers=layers,
        stored=sum(distinct(atom.slots) for atom in atoms),
        saved=sum(atom.saved for atom in atoms),
        relation=relation,
        evidence=max((slot.evidence for slot in slots), key=list(Evidence).index),
    )


def _relation(slots: tuple[Tensor, ...]) -> Relation:
    if len(slots) == 1:
        return Relation.SAME_OBJECT
    weakest = max((between(slots[0], slot) for slot in slots[1:]), key=list(Relation).index)
    return weakest if weakest.shares else Relation.PARTIAL


def _what(kind: str, slots: list[Tensor], known: Mapping[str, Role]) -> str:
    order = list(Role)
    found = sorted({known[slot.name] for slot in slots}, key=order.index)
    if kind == "tie" and len(found) > 1:
        return " = ".join(found)
    main = [role for role in found if role not in SMALL] or found
    words = [role.value for role in main if role is not Role.OTHER]
    return " + ".join(words) if words else listed([slots[0].name], 1)


def _where(key: tuple[object, ...], slots: list[Tensor], in_stacks: tuple[Stack, ...]) -> str:
    kind = key[0]
    if kind == "layers" and isinstance(key[1], int) and isinstance(key[2], tuple):
        repeats, layers = key[3], key[2]
        word = "layer" if len(layers) == 1 else "layers"
        text = f"{word} {ranges(in_stacks[key[1]].layers[position] for position in layers)}"
        again = isinstance(repeats, Fraction) and repeats > 1 and repeats != len(layers)
        return f"{text}, run ×{repeats}" if again else text
    if kind == "reuse":
        return str(key[1])
    return listed(list(dict.fromkeys(slot.name for slot in slots)), 4)


def _users(kind: str, atoms: list[_Atom], layers: tuple[int, ...]) -> str:
    most = max(atom.users for atom in atoms)
    if kind == "layers" and len(layers) > 1 and most == len(layers):
        return plural(len(layers), "layer")
    return plural(max(most, max(len(atom.slots) for atom in atoms)), "use")
