"""What folding asks of a snapshot, computed once: stacks, sets, roles, uses, and where each set stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from shareviz.layers import Stack, stacks
from shareviz.roles import Role, roles
from shareviz.sets import set_of, shared_sets
from shareviz.sharing import distinct, uses
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean

PLURAL = {Role.NORM: "norms"}
Spot = tuple[int, int, str]  # number of the stack, layer position, column; (-1, 0, name) outside of stacks


@dataclass(frozen=True, slots=True)
class Facts:
    """A snapshot with what folding needs of it. `named` holds the weights that modules read by name."""

    snapshot: Snapshot
    stacks: tuple[Stack, ...]
    sets: Mapping[str, str]  # stored tensor → id of its set
    tensors: Mapping[str, int]  # the same → number of the tied group in which it reads one tensor
    spots: Mapping[str, frozenset[Spot]]  # id of a set → where it stands
    spots_of: tuple[frozenset[Spot], ...]  # the same for each tied group
    roles: Mapping[str, Role]
    uses: Mapping[str, Fraction] | None
    named: Mapping[str, Tensor | Derived]
    order: Mapping[str, int]  # weight → its place in the order of definition

    def pieces(self, name: str) -> tuple[str, ...]:
        """Return the stored tensors that a weight is made of: itself, or the pieces of its form."""
        weight = self.snapshot.derived_by_name.get(name)
        return weight.reads if weight is not None else (name,)

    def set_ids(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the sets of the weights' stored tensors, each once."""
        found = (self.sets.get(piece) for name in names for piece in self.pieces(name))
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def stored(self, pieces: Iterable[str]) -> int:
        """Return the distinct elements of stored tensors."""
        known = self.snapshot.by_name
        return distinct(known[piece] for piece in dict.fromkeys(pieces) if piece in known)

    def times(self, names: Iterable[str]) -> int:
        """Return how often one pass uses weights that share a tensor; without a trace, their names."""
        total = Fraction(0)
        for name in dict.fromkeys(names):
            paths = len(self.snapshot.names_of(self.named[name]))
            total += self.uses.get(name, Fraction(0)) if self.uses is not None else paths
        return int(total)

    def columns(self, piece: str, at: tuple[int, int]) -> set[str]:
        """Return the columns in which the layer at (stack, position) reads a stored tensor."""
        group = self.tensors.get(piece)
        return set() if group is None else {spot[2] for spot in self.spots_of[group] if spot[:2] == at}

    def word(self, name: str, inside: str) -> str:
        """Return what a weight does, or where it stands in its block if its name does not tell."""
        role = self.roles.get(name, Role.OTHER)
        if role is Role.OTHER:
            return short(inside.rpartition(".")[0] or inside, 26)
        return PLURAL.get(role, role.value)


def facts(snapshot: Snapshot) -> Facts:
    """Return the facts of a snapshot."""
    sets = shared_sets(snapshot)
    found = stacks(snapshot)
    groups = [group for one in sets for group in one.groups]
    places = _places(snapshot, found)
    named: dict[str, Tensor | Derived] = {
        slot.name: slot for slot in snapshot.parameters() if slot.name not in snapshot.pieces
    }
    named |= {weight.name: weight for weight in snapshot.derived}
    return Facts(
        snapshot=snapshot,
        stacks=found,
        sets=set_of(sets),
        tensors={name: number for number, group in enumerate(groups) for name in group},
        spots={one.id: _spots(places, one.names) for one in sets},
        spots_of=tuple(_spots(places, group) for group in groups),
        roles=roles(snapshot),
        uses=uses(snapshot),
        named=named,
        order={name: place for place, name in enumerate(named)},
    )


def _places(snapshot: Snapshot, found: tuple[Stack, ...]) -> Mapping[str, set[Spot]]:
    places: dict[str, set[Spot]] = defaultdict(set)
    for number, stack in enumerate(found):
        for position, row in enumerate(stack.cells):
            for column, name in zip(stack.columns, row, strict=True):
                weight = snapshot.derived_by_name.get(name or "")
                for piece in weight.reads if weight else (name,) if name else ():
                    places[piece].add((number, position, column))
    return places


def _spots(places: Mapping[str, set[Spot]], names: Iterable[str]) -> frozenset[Spot]:
    return frozenset(spot for name in names for spot in places.get(name, {(-1, 0, name)}))


def short(path: str, limit: int = 34) -> str:
    """Return a path cleaned and cut in front, where it says least; never an empty text.

    Example:
        >>> short("encoder.block.0.layer.1.SelfAttention", 20), short("  ")
        ('…yer.1.SelfAttention', '(no name)')
    """
    shown = clean(path)
    if not shown.strip():
        return "(no name)"
    return shown if len(shown) <= limit else "…" + shown[1 - limit :]
