"""What differs between two models: names, shapes, and above all what is shared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shareviz.sets import SharedSet, shared_sets
from shareviz.sharing import tally
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean, count, listed, plural, shape


class Change(StrEnum):
    """What changed, in the order in which a list shows it."""

    LOST = "no longer shared"
    GAINED = "now shared"
    SET = "shared otherwise"
    RELATION = "shared by other means"
    SHAPE = "shape"
    DTYPE = "dtype"
    MISSING = "missing"
    ADDED = "added"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference from the first model to the second.

    `text` is the sentence; `before` and `after` are the two sides in words. `names` are raw names, of
    the first model where it has them.
    """

    change: Change
    text: str
    names: tuple[str, ...]
    before: str
    after: str


def compare(a: Snapshot, b: Snapshot) -> tuple[Difference, ...]:
    """Return what differs from `a` to `b`, sharing first; () for models that are alike.

    Names are compared with all aliases, so a list of one object and a list of tied layers have equal
    names. Sets are matched by the names that they have in common and keep the ids of `a`.
    """
    names = _names(a), _names(b)
    found = [*_sets(a, b), *_shapes(*names), *_only(*names), *_counts(a, b)]
    return tuple(sorted(found, key=lambda difference: list(Change).index(difference.change)))


def differing(a: Snapshot, b: Snapshot) -> tuple[frozenset[str], frozenset[str]]:
    """Return the weights of `a`, and those of `b`, that are tied to others there, or not there at all."""
    here, there = _partners(a), _partners(b)
    return _unlike(here, there), _unlike(there, here)


Partners = Mapping[str, tuple[frozenset[str], object]]


def _partners(snapshot: Snapshot) -> Partners:
    """Return each weight by its first name, with all its names, and those that read the same tensors."""
    groups = {
        name: group for one in shared_sets(snapshot) for group in set_members(snapshot, one) for name in group
    }
    found: dict[str, tuple[frozenset[str], object]] = {}
    for weight in _weights(snapshot):
        names = frozenset(snapshot.names_of(weight))
        if isinstance(weight, Derived):
            parts = tuple(sorted(groups.get(piece, frozenset((piece,))), key=str) for piece in weight.reads)
            found[weight.name] = (names, (weight.form, str(parts)))
        else:
            found[weight.name] = (names, groups.get(weight.name, names))
    return found


def _unlike(here: Partners, there: Partners) -> frozenset[str]:
    known = {name: partners for names, partners in there.values() for name in names}
    return frozenset(
        first for first, (names, held) in here.items() if any(known.get(name) != held for name in names)
    )


def set_members(snapshot: Snapshot, shared: SharedSet) -> frozenset[frozenset[str]]:
    """Return the names of each tensor in a set, those of its slots and of further paths to them."""
    return frozenset(
        frozenset(name for slot in group for name in snapshot.names_of(snapshot.by_name[slot]))
        for group in shared.groups
    )


def _names(snapshot: Snapshot) -> Mapping[str, Tensor | Derived]:
    return {name: weight for weight in _weights(snapshot) for name in snapshot.names_of(weight)}


def _weights(snapshot: Snapshot) -> list[Tensor | Derived]:
    plain = [slot for slot in snapshot.tensors if slot.name not in snapshot.pieces]
    return [*plain, *snapshot.derived]


def _sets(a: Snapshot, b: Snapshot) -> Iterator[Difference]:
    old, new = shared_sets(a), shared_sets(b)
    members_a = {one.id: set_members(a, one) for one in old}
    members_b = {one.id: set_members(b, one) for one in new}
    pairs = _matched(members_a, members_b)
    by_id = {one.id: one for one in new}
    for one in old:
        if one.id not in pairs:
            yield _lost(one, members_a[one.id])
            continue
        other = by_id[pairs[one.id]]
        yield from _changed(one, other, (members_a[one.id], members_b[other.id]))
    for one in new:
        if one.id not in pairs.values():
            yield _gained(one, members_b[one.id])


def _matched(
    a: Mapping[str, frozenset[frozenset[str]]], b: Mapping[str, frozenset[frozenset[str]]]
) -> dict[str, str]:
    """Pair set ids by most common names, each at most once."""
    flat_a = {key: frozenset().union(*groups) for key, groups in a.items()}
    where: dict[str, list[str]] = defaultdict(list)
    for key, groups in b.items():
        for name in frozenset().union(*groups):
            where[name].append(key)
    common: dict[tuple[str, str], int] = defaultdict(int)
    for key, names in flat_a.items():
        for name in names:
            for other in where.get(name, ()):
                common[key, other] += 1
    pairs: dict[str, str] = {}
    for key, other in sorted(common, key=lambda pair: -common[pair]):
        if key not in pairs and other not in pairs.values():
            pairs[key] = other
    return pairs


def _changed(
    one: SharedSet, other: SharedSet, members: tuple[frozenset[frozenset[str]], frozenset[frozenset[str]]]
) -> Iterator[Difference]:
    what = clean(one.what, 80)
    old, new = f"{one.where} ({one.users})", f"{other.where} ({other.users})"
    listing = one.kind == other.kind == "tie"  # where a tie stands is a list of its names in file order
    if members[0] != members[1] or one.users != other.users or (old != new and not listing):
        if one.where != other.where:
            old, new = clean(one.where, 120), clean(other.where, 120)
        elif one.users != other.users:
            old, new = one.users, other.users
        else:
            old, new = plural(len(one.groups), "tensor"), plural(len(other.groups), "tensor")
        names = tuple(sorted(frozenset().union(*members[0]) ^ frozenset().union(*members[1])))
        yield Difference(Change.SET, f"{one.id} ({what}): {old} → {new}", names or one.names, old, new)
    if one.relation is not other.relation:
        old, new = str(one.relation), str(other.relation)
        yield Difference(Change.RELATION, f"{one.id} ({what}): {old} → {new}", one.names, old, new)


def _lost(one: SharedSet, members: frozenset[frozenset[str]]) -> Difference:
    said = f"{one.id} ({clean(one.what, 80)}), {clean(one.where, 120)}: no longer shared"
    return Difference(Change.LOST, said, _flat(members), f"saved {count(one.saved)}", "own tensors")


def _gained(one: SharedSet, members: frozenset[frozenset[str]]) -> Difference:
    said = f"{clean(one.what, 80)[:1].upper()}{clean(one.what, 80)[1:]}, {clean(one.where, 120)}: now shared"
    return Difference(Change.GAINED, said, _flat(members), "own tensors", f"saves {count(one.saved)}")


def _flat(members: frozenset[frozenset[str]]) -> tuple[str, ...]:
    return tuple(sorted(frozenset().union(*members)))


def _shapes(a: Mapping[str, Tensor | Derived], b: Mapping[str, Tensor | Derived]) -> Iterator[Difference]:
    """Yield one difference for each kind of change, with all names that it concerns."""
    changed: dict[tuple[Change, str, str], list[str]] = defaultdict(list)
    for name, one in a.items():
        other = b.get(name)
        if other is None:
            continue
        if one.shape != other.shape:
            changed[Change.SHAPE, shape(one.shape), shape(other.shape)].append(name)
        if isinstance(one, Tensor) and isinstance(other, Tensor) and one.dtype != other.dtype:
            changed[Change.DTYPE, clean(one.dtype, 40), clean(other.dtype, 40)].append(name)
    for (change, old, new), names in changed.items():
        yield Difference(change, f"{listed(names, 2)}: {old} → {new}", tuple(names), old, new)


def _only(a: Mapping[str, Tensor | Derived], b: Mapping[str, Tensor | Derived]) -> Iterator[Difference]:
    for change, names in (
        (Change.MISSING, tuple(name for name in a if name not in b)),
        (Change.ADDED, tuple(name for name in b if name not in a)),
    ):
        if names:
            said = f"{plural(len(names), 'name')} {change}: {listed(names, 2)}"
            there, gone = "there", "not there"
            sides = (there, gone) if change is Change.MISSING else (gone, there)
            yield Difference(change, said, names, *sides)


def _counts(a: Snapshot, b: Snapshot) -> Iterator[Difference]:
    old, new = tally(a), tally(b)
    for word, before, after in (
        ("Stored", old.stored, new.stored),
        ("Used", old.used, new.used),
    ):
        if before != after:
            said = f"{word} {count(before)} → {count(after)}"
            yield Difference(Change.COUNT, said, (), count(before), count(after))
