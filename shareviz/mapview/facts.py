"""What every part of a picture asks of one Snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from shareviz.layers import identity
from shareviz.mapview._picture import Cell
from shareviz.mapview.words import EQUAL, OUTLINE, PARTLY_EQUAL, style, why
from shareviz.roles import Role, roles
from shareviz.sets import SharedSet, set_of, shared_sets
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean, exact, listed, shape


@dataclass(frozen=True)
class Facts:
    """One model with its sets and roles, each found once; `alike` names copies, each with its twin."""

    snapshot: Snapshot
    alike: tuple[tuple[str, str], ...] = ()

    @cached_property
    def sets(self) -> Mapping[str, SharedSet]:
        """Shared sets by id."""
        return {shared.id: shared for shared in shared_sets(self.snapshot)}

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """Set ids by slot name; a derived weight has the id of its first shared piece."""
        found = dict(set_of(self.sets.values()))
        for weight in self.snapshot.derived:
            shared = next((found[piece] for piece in weight.reads if piece in found), "")
            if shared:
                found[weight.name] = shared
        return found

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """Roles by slot name."""
        return roles(self.snapshot)

    @cached_property
    def twins(self) -> Mapping[str, str]:
        """The name that holds the same bytes, by slot name; only of what is in no set."""
        return {name: twin for name, twin in self.alike if name not in self.ids}

    def twin(self, names: Iterable[str]) -> str:
        """Return the twin of the first name that has one, or ""."""
        return next((self.twins[name] for name in names if name in self.twins), "")

    def slot(self, name: str) -> Tensor | Derived:
        """Return a tensor or derived weight by its first name."""
        return self.snapshot.derived_by_name.get(name) or self.snapshot.by_name[name]

    def tensors(self, names: Iterable[str]) -> list[Tensor]:
        """Return the stored tensors behind names: themselves, or the pieces of derived weights."""
        found = []
        for name in names:
            weight = self.snapshot.derived_by_name.get(name)
            found += [self.snapshot.by_name[piece] for piece in (weight.reads if weight else (name,))]
        return found

    def id_of(self, names: Sequence[str]) -> str:
        """Return the id of the first name that is in a set, or ""."""
        return next((self.ids[name] for name in names if name in self.ids), "")

    def style(self, names: Sequence[str]) -> str:
        """Return how what shows these names is filled."""
        id_ = self.id_of(names)
        return style(self.sets[id_]) if id_ else OUTLINE if self.twin(names) else "own"

    def word(self, names: Sequence[str]) -> str:
        """Return why these names count as shared, or that they do not."""
        id_ = self.id_of(names)
        if id_ or not self.twin(names):
            return why(self.sets[id_]) if id_ else "own"
        return EQUAL if all(name in self.twins for name in names) else PARTLY_EQUAL

    def as_twin(self, names: Sequence[str]) -> list[str]:
        """Return what is said of names with a twin: which it is."""
        twin = "" if self.id_of(names) else self.twin(names)
        return [f"as {clean(twin, 80)}"] if twin else []

    def melts(self, names: Sequence[str]) -> object:
        """Return what neighbours must have in common to be one block; None for a hole."""
        if not names:
            return None
        id_ = self.id_of(names)
        if id_ or self.twin(names):  # two copies stay two blocks
            return (id_, *(identity(self.snapshot, name) for name in names))
        return "own"

    def cell(self, at: tuple[int, int, int], names: Sequence[str], said: str) -> Cell:
        """Return the cell at (row, span, column) that shows these names."""
        id_ = self.id_of(names)
        sizes = " and ".join(dict.fromkeys(shape(self.slot(name).shape) for name in names[:3]))
        said_of = [*self._made(names), *self.as_twin(names)]
        parts = [listed(names, 3), *said_of, sizes, exact(self.numel(names))]
        return Cell(
            *at,
            set=id_,
            text=id_,
            style=self.style(names),
            label=" · ".join(filter(None, (said, id_, self.word(names)))),
            note=" · ".join(parts),
            names=(tuple(names),),
        )

    def numel(self, names: Iterable[str]) -> int:
        """Return the elements of names together."""
        return sum(self.slot(name).numel for name in names)

    def _made(self, names: Sequence[str]) -> list[str]:
        weight = self.snapshot.derived_by_name.get(names[0])
        if weight is None:
            return []
        form = weight.form if isinstance(weight.form, str) else weight.form.title
        return [f"made by {clean(form, 80)}"]
