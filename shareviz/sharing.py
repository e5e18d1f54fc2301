"""Who shares with whom, and what it saves: tied groups, the tally, attribution."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from shareviz import geometry
from shareviz.once import once
from shareviz.relations import Relation, between
from shareviz.roles import TABLES, roles
from shareviz.snapshot import Evidence, Snapshot, Tensor, itemsize


@dataclass(frozen=True, slots=True)
class TiedGroup:
    """Two or more slots that read common elements of one storage.

    `names` are in definition order. `relation` is the weakest between the first and another;
    `numel` counts the distinct elements, `saved` those that the other names did not need.
    """

    storage: int
    names: tuple[str, ...]
    numel: int
    saved: int
    relation: Relation
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of a model, in elements; None: this source cannot say.

    `named`: sum over the weights that modules read by name, each slot once. `stored`: distinct
    elements. `used`: elements read in one forward pass. `saved_by_ties` = named − stored (negative
    where forms add pieces). `used` = named − never_read + saved_by_reuse. `non_embedding`: stored,
    less token and position tables. `trainable`: stored and requiring gradients.
    """

    named: int
    stored: int
    used: int | None
    trainable: int | None
    non_embedding: int
    saved_by_ties: int
    saved_by_reuse: int | None
    never_read: int | None


@dataclass(frozen=True, slots=True)
class Share:
    """What one module's subtree holds, in elements.

    `exclusive`: read by no slot outside; `shared`: also read from outside; `amortised`: each
    element divided evenly among the slots that read it, so disjoint subtrees add up to the stored
    count of the whole.
    """

    path: str
    exclusive: int
    shared: int
    amortised: Fraction


@once
def tied_groups(snapshot: Snapshot) -> tuple[TiedGroup, ...]:
    """Return the groups of parameter slots that share elements, in definition order."""
    groups = []
    for slots in readers(snapshot):
        if len(slots) < 2:
            continue
        assert slots[0].region is not None
        numel = distinct(slots)
        weakest = max((between(slots[0], slot) for slot in slots[1:]), key=list(Relation).index)
        if not weakest.shares:  # the first meets the last through one between them
            weakest = Relation.PARTIAL
        groups.append(
            TiedGroup(
                slots[0].region.storage,
                tuple(slot.name for slot in slots),
                numel,
                sum(slot.numel for slot in slots) - numel,
                weakest,
                max((slot.evidence for slot in slots), key=list(Evidence).index),
            )
        )
    return tuple(groups)


@once
def tally(snapshot: Snapshot) -> Tally:
    """Return the counts of a model; `used` and what follows are None where it was not traced."""
    slots = tuple(snapshot.parameters())
    numels = named_numels(snapshot)
    named, stored = sum(numels.values()), distinct(slots)
    known = roles(snapshot)
    tables = [slot for slot in slots if known[slot.name] in TABLES]
    told = all(slot.trainable is not None for slot in slots)
    trained = [slot for slot in slots if slot.trainable]
    taken = reads(snapshot)
    reuse = never = None
    if taken is not None:
        reuse = sum(max(0, taken[name] - numel) for name, numel in numels.items())
        never = sum(max(0, numel - taken[name]) for name, numel in numels.items())
    return Tally(
        named=named,
        stored=stored,
        used=None if taken is None else sum(taken[name] for name in numels),
        trainable=(stored if len(trained) == len(slots) else distinct(trained)) if told else None,
        non_embedding=stored - distinct(tables),
        saved_by_ties=named - stored,
        saved_by_reuse=reuse,
        never_read=never,
    )


@once
def named_numels(snapshot: Snapshot) -> Mapping[str, int]:
    """Return the elements of each weight that a module reads by name: slots and derived weights."""
    plain = {slot.name: slot.numel for slot in snapshot.parameters() if slot.name not in snapshot.pieces}
    return plain | {weight.name: weight.numel for weight in snapshot.derived}


@once
def reads(snapshot: Snapshot) -> Counter[str] | None:
    """Return the elements that one forward pass takes of each name, or None if not traced.

    The steps that make derived weights do not count: their work is the form's, not the model's.
    """
    if snapshot.steps is None:
        return None
    taken: Counter[str] = Counter()
    for step in snapshot.steps:
        if not step.makes:
            for name, numel in step.reads:
                taken[name] += numel
    return taken


def uses(snapshot: Snapshot) -> Mapping[str, Fraction] | None:
    """Return how often one forward pass uses each named weight: elements taken ÷ elements."""
    taken = reads(snapshot)
    if taken is None:
        return None
    return {name: Fraction(taken[name], numel) for name, numel in named_numels(snapshot).items() if numel}


def attribution(snapshot: Snapshot) -> tuple[Share, ...]:
    """Return what each module's subtree holds; the root's amortised count is the stored count."""
    parts: dict[str, Fraction] = {}
    group: dict[str, tuple[Tensor, ...]] = {}
    for slots in readers(snapshot):
        part = Fraction(distinct(slots), len(slots))
        for slot in slots:
            parts[slot.name] = part
            group[slot.name] = slots
    inside = slots_below(snapshot)
    shares = []
    for module in snapshot.modules:
        here = inside.get(module.path, ())
        mine = Counter(group[slot.name][0].name for slot in here)  # slots of each group, by its first name
        alone = [slot for slot in here if mine[group[slot.name][0].name] == len(group[slot.name])]
        exclusive = distinct(alone)
        amortised = sum((parts[slot.name] for slot in here), Fraction())
        shares.append(Share(module.path, exclusive, distinct(here) - exclusive, amortised))
    return tuple(shares)


@once
def readers(snapshot: Snapshot) -> tuple[tuple[Tensor, ...], ...]:
    """Return the parameter slots, grouped as `components` does: who reads the same elements."""
    return tuple(tuple(slots) for slots in components(snapshot.parameters()))


@once
def slots_below(snapshot: Snapshot) -> Mapping[str, tuple[Tensor, ...]]:
    """Return the parameter slots of each module path and of all that is below it, in definition order."""
    below: dict[str, list[Tensor]] = defaultdict(list)
    for slot in snapshot.parameters():
        for path in ancestors(slot.module):
            below[path].append(slot)
    return {path: tuple(slots) for path, slots in below.items()}


def ancestors(path: str) -> Iterable[str]:
    """Yield a module path and each path above it, up to the root.

    Example:
        >>> list(ancestors("a.b"))
        ['a.b', 'a', '']
    """
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""


def distinct(slots: Iterable[Tensor]) -> int:
    """Return the number of distinct elements that slots read together."""
    by_storage: dict[int, list[Tensor]] = defaultdict(list)
    for slot in slots:
        if slot.region is not None and slot.numel:
            by_storage[slot.region.storage].append(slot)
    total = 0
    for group in by_storage.values():
        total += round(geometry.covered(group) / itemsize(group[0].dtype))
    return total


def components(slots: Iterable[Tensor]) -> list[list[Tensor]]:
    """Return slots grouped so that those which share elements, directly or through others, are together.

    Groups and their members are in definition order; a slot without a region stands alone.
    """
    by_storage: dict[object, list[tuple[int, Tensor]]] = defaultdict(list)
    for place, slot in enumerate(slots):
        key = slot.region.storage if slot.region is not None and slot.numel else ("alone", place)
        by_storage[key].append((place, slot))
    groups = [group for members in by_storage.values() for group in _connected(members)]
    groups.sort(key=lambda group: group[0][0])
    return [[slot for _, slot in group] for group in groups]


def _connected(members: list[tuple[int, Tensor]]) -> list[list[tuple[int, Tensor]]]:
    if len(members) == 1 or len({(slot.region, slot.shape) for _, slot in members}) == 1:
        return [members]
    groups = geometry.meeting([slot for _, slot in members])
    return [[members[place] for place in group] for group in groups]
