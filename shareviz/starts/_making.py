"""Each piece of a plan made from weights: by its form, once for all names that read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from shareviz.errors import PlanError
from shareviz.forms import Factor, Form, Hashed, LowRank, Mix, Rows, Scaled
from shareviz.layers import stacks
from shareviz.plan import Plan
from shareviz.realize import draws_for
from shareviz.rewrites import PLAIN, WHOLE, Resolved, Root, resolve
from shareviz.snapshot import Snapshot
from shareviz.starts import Start
from shareviz.starts._fitted import bucket_means, pooled, spanned, without_dead
from shareviz.starts._weights import Weights, as_matrix, best_of_rank
from shareviz.text import clean
from shareviz.values import Values


def planned(plan: Plan, snapshot: Snapshot, values: Values, start: Start) -> Making:
    """Return what is to be made, and from which weights; nothing is read yet."""
    resolved = resolve(plan.rewrites, snapshot)
    readers = _readers(resolved, snapshot)
    sources = _stepwise(resolved, snapshot) if start is Start.STEPWISE else {}
    chosen = {root: sources.get(root) or names for root, names in readers.items()}
    if start is not Start.AVERAGE:
        chosen = {root: names[:1] for root, names in chosen.items()}
    return Making(resolved, Weights(snapshot, values), readers, chosen, start)


def _readers(resolved: Resolved, snapshot: Snapshot) -> dict[Root, list[str]]:
    """Return the names that will read each piece, in order; of names that are tied now the first."""
    found: dict[Root, list[str]] = defaultdict(list)
    for (name, _), root in resolved.roots.items():
        if root[1] == PLAIN and root not in found:
            found[root].append(root[0])  # an owner that stays reads itself
        found[root].append(name)
    place = {name: number for number, name in enumerate(snapshot.by_name)}
    return {root: _apart(sorted(names, key=place.__getitem__), snapshot) for root, names in found.items()}


def _apart(names: Sequence[str], snapshot: Snapshot) -> list[str]:
    first: dict[object, str] = {}
    for name in names:
        first.setdefault(snapshot.by_name[name].region, name)
    return list(first.values())


def _stepwise(resolved: Resolved, snapshot: Snapshot) -> dict[Root, list[str]]:
    """Return, for each row that layers of a stack share, the layer at its even step through the depth."""
    found: dict[Root, list[str]] = {}
    for stack in stacks(snapshot):
        for column in stack.columns:
            names = [name for name in stack.column(column) if name is not None]
            for piece in dict.fromkeys(piece for name, piece in resolved.roots if name in set(names)):
                roots = [resolved.roots.get((name, piece), (name, PLAIN)) for name in names]
                rows = list(dict.fromkeys(roots))
                if len(rows) < len(names):
                    for number, root in enumerate(rows):
                        step = number * (len(names) - 1) / max(1, len(rows) - 1)
                        found[root] = [names[round(step)]]
    return found


@dataclass(slots=True)
class Making:
    """What is made so far. `chosen` are the names whose weights a piece starts from."""

    resolved: Resolved
    weights: Weights
    readers: Mapping[Root, list[str]]
    chosen: Mapping[Root, list[str]]
    start: Start
    made: dict[Root, torch.Tensor] = field(default_factory=dict)

    def stands_for(self, name: str) -> str:
        """Return the reader of a name's root that is on the same memory before the plan."""
        region = self.weights.snapshot.by_name[name].region
        root = self.resolved.roots.get((name, WHOLE), (name, PLAIN))
        return next(
            (one for one in self.readers[root] if self.weights.snapshot.by_name[one].region == region), name
        )

    def add(self, root: Root) -> None:
        """Make a piece, and what is made with it."""
        if root in self.made:
            return
        name, piece = root
        form = None if piece in (WHOLE, PLAIN) else self.resolved.rewrites[name].form
        match form:
            case None:
                self.made[root] = self._mean(root, _itself)
            case LowRank() | Scaled() if piece == "base":
                self.made[root] = self._mean(root, _itself)
            case LowRank():
                self._correct(name)
            case Rows():
                self.made[root] = self._mean(root, lambda weight: self._rows(form, weight))
            case Hashed():
                self.made[root] = self._mean(root, lambda weight: bucket_means(form, weight))
            case Factor():
                self._span(name, *self._sides(name))
            case Mix():
                self._span(name, "coefficients", "atoms")
            case Scaled():
                weight = self.weights(name)
                self.made[root] = form.start(weight, draws_for(weight, name, 0))[piece]
            case _:
                raise _no_start(name, form)

    def _rows(self, form: Rows, weight: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = form.start(weight, weight.new_zeros)["rows"]
        return first.contiguous() if self.start is Start.FIRST else pooled(form, weight)

    def _mean(self, root: Root, take: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        names = self.chosen[root]
        first = self.weights(names[0])
        if len(names) == 1 or not first.is_floating_point():
            return take(first)
        total = take(first).double()
        for name in names[1:]:
            total += take(self.weights(name))
        return (total / len(names)).to(first.dtype)

    def _correct(self, name: str) -> None:
        """Make the correction that names share: the best of its rank for what their bases leave."""
        up, down = self._together(name, ("up", "down"))
        left = torch.stack([self._left(one) for one in self.readers[up]]).mean(0)
        form, like = self.resolved.rewrites[name].form, self.weights(name)
        assert isinstance(form, LowRank)
        factors = best_of_rank(left, min(form.rank, *left.shape))
        factors = without_dead(*factors, draws_for(left, name, 0))
        self.made[up], self.made[down] = (factor.to(like.dtype).contiguous() for factor in factors)

    def _left(self, name: str) -> torch.Tensor:
        base = self.made[self.resolved.roots[name, "base"]]
        return as_matrix(self.weights(name).double() - base.double())

    def _sides(self, name: str) -> tuple[str, str]:
        """Return the factor of a product that each weight has for itself, and the one with more readers."""
        left, right = (len(self.readers[self.resolved.roots[name, piece]]) for piece in ("left", "right"))
        return ("right", "left") if left > right else ("left", "right")

    def _span(self, name: str, own: str, shared: str) -> None:
        """Make what several weights share, and what each has of its own: nearest in least squares."""
        root = self.resolved.roots[name, shared]
        form = self.resolved.rewrites[name].form
        owned = list(dict.fromkeys(self.resolved.roots[one, own] for one in self.readers[root]))
        if sum(len(self.readers[one]) for one in owned) != len(self.readers[root]):
            raise _no_start(name, form)
        assert isinstance(form, Factor | Mix)
        weights = [self._mean(one, _itself) for one in owned]
        times = [len(self.readers[one]) for one in owned]
        shapes = form.pieces(tuple(weights[0].shape))
        parts, common = spanned(form, own, weights, times)
        for one, part in zip((*owned, root), (*parts, common), strict=True):
            shape = shapes[shared if one == root else own]
            self.made[one] = part.to(weights[0].dtype).reshape(shape).contiguous()

    def _together(self, name: str, pieces: tuple[str, str]) -> tuple[Root, Root]:
        """Return the roots of two pieces, which must have the same readers."""
        a, b = (self.resolved.roots[name, piece] for piece in pieces)
        if self.readers[a] != self.readers[b]:
            raise _no_start(name, self.resolved.rewrites[name].form)
        return a, b


def _itself(weight: torch.Tensor) -> torch.Tensor:
    return weight


def _no_start(name: str, form: Form | None) -> PlanError:
    how = form.title if form else "pieces"
    return PlanError(
        f"{clean(name, 80)} would be made as {how}, and no start from trained weights is known for that.",
        hint="Choose another way to share: all others have one.",
    )
