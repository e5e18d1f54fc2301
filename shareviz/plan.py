"""What is wanted: a tuple of rewrites, and what a model looks like after them.

A rewrite says of one name who owns the pieces it reads, and by which form it is made of them.
A tie is a rewrite with another owner; untying is one with none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from shareviz.collector import collector_paused
from shareviz.errors import PlanError
from shareviz.forms import Form
from shareviz.rewrites import PLAIN, WHOLE, Resolved, Rewrite, Root, own, piece_name, resolve, tie
from shareviz.snapshot import Derived, Kind, Region, Snapshot, Tensor, contiguous, first_repeated
from shareviz.text import clean, listed

__all__ = ["Plan", "Rewrite", "own", "tie"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Rewrites, at most one for each name; `title` is what the page calls them.

    `frozen` names parameters of the model under the plan that are not trained, nor what is tied to them.
    """

    rewrites: tuple[Rewrite, ...] = ()
    title: str = ""
    frozen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [rewrite.name for rewrite in self.rewrites]
        if len(set(names)) < len(names):
            twice = clean(first_repeated(names) or "", 80)
            raise PlanError(f"The plan rewrites {twice} twice.", hint="Keep one rewrite for each name.")

    @collector_paused()
    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Return the model under this plan; the steps of its forward pass do not change.

        Raises:
            PlanError: A name is unknown or a buffer, shapes or dtypes differ, owners form a circle,
                or a tie reaches a name that is made of pieces.
        """
        after = _applied(snapshot, resolve(self.rewrites, snapshot)) if self.rewrites else snapshot
        return _frozen(after, self.frozen) if self.frozen else after

    def splits(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Return the names whose tie to a name left as it is would silently break."""
        return _splits(self, snapshot)

    def then(self, later: Plan) -> Plan:
        """Return this plan followed by another, which was made for `self.apply(…)`.

        Raises:
            PlanError: The later plan rewrites a name, or ties to one, that this one makes of pieces or
                freezes.
        """
        return _then(self, later)


def _applied(snapshot: Snapshot, resolved: Resolved) -> Snapshot:
    slots: list[tuple[Tensor, Root]] = []  # every slot of the result, with its root
    formed: dict[str, list[tuple[Tensor, Root]]] = defaultdict(list)  # host → pieces, placed last
    derived = list(snapshot.derived)
    for name, rewrite in resolved.rewrites.items():  # in the order in which realize registers them
        if rewrite.form is not None:
            tensor = snapshot.by_name[name]
            made = _made(tensor, rewrite.form, resolved)
            formed[tensor.module] += made
            names = tuple(piece.name for piece, _ in made)
            derived.append(Derived(name, tensor.module, tensor.shape, rewrite.form, names))
    last = {tensor.module: position for position, tensor in enumerate(snapshot.tensors)}
    for position, tensor in enumerate(snapshot.tensors):
        rewritten = resolved.rewrites.get(tensor.name)
        if rewritten is None:
            slots.append((tensor, (tensor.name, PLAIN)))
        elif rewritten.form is None:
            slots.append((tensor, resolved.roots[tensor.name, WHOLE]))
        if last[tensor.module] == position:
            slots += formed[tensor.module]
    order = {module.path: place for place, module in enumerate(snapshot.modules)}
    derived.sort(key=lambda weight: order.get(weight.module, 0))
    tensors, storages = _numbered(snapshot, slots)
    return replace(snapshot, tensors=tensors, derived=tuple(derived), storages=storages)


def _frozen(snapshot: Snapshot, names: tuple[str, ...]) -> Snapshot:
    """Return the model in which these are not trained; who says what is frozen says that the rest is not."""
    slots = [snapshot.by_name.get(name) for name in names]
    for name, slot in zip(names, slots, strict=True):
        if slot is None or slot.kind is Kind.BUFFER:
            raise PlanError(
                f"The plan freezes {clean(name, 80)}, which is no parameter under it.",
                hint="Name parameters, or the pieces of a weight, as the map of the plan shows them.",
            )
    still = {slot.object for slot in slots if slot is not None and slot.object is not None}
    named = set(names)

    def after(slot: Tensor) -> Tensor:
        if slot.kind is Kind.BUFFER:
            return slot
        trained = slot.object not in still and slot.name not in named and slot.trainable is not False
        return slot if slot.trainable is trained else replace(slot, trainable=trained)

    return replace(snapshot, tensors=tuple(map(after, snapshot.tensors)))


def _made(tensor: Tensor, form: Form, resolved: Resolved) -> list[tuple[Tensor, Root]]:
    return [
        (
            replace(tensor, name=piece_name(tensor, piece, form), shape=sizes, region=None),
            resolved.roots[tensor.name, piece],
        )
        for piece, sizes in form.pieces(tensor.shape).items()
    ]


def _numbered(
    snapshot: Snapshot, slots: list[tuple[Tensor, Root]]
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """Number storages and objects anew by first appearance; fresh roots get memory of their own."""
    storages: dict[object, int] = {}
    objects: dict[object, int] = {}
    nbytes: list[int] = []
    tensors: list[Tensor] = []
    for tensor, root in slots:
        source = snapshot.by_name[root[0]]
        plain = root[1] == PLAIN
        old = source.region if plain else Region(-1, 0, contiguous(tensor.shape))
        region = None
        if old is not None:
            key: object = old.storage if plain else root
            if key not in storages:
                storages[key] = len(storages)
                nbytes.append(snapshot.storages[old.storage] if plain else tensor.nbytes)
            region = Region(storages[key], old.offset, old.stride, old.flags)
        number = None
        if source.object is not None:
            number = objects.setdefault(source.object if plain else root, len(objects))
        evidence = source.evidence if plain else tensor.evidence
        where = tensor.name, tensor.module, tensor.shape, tensor.dtype
        # every slot passes here, and dataclasses.replace takes four times as long
        tensors.append(
            Tensor(*where, region, number, tensor.kind, source.trainable, tensor.persistent, evidence)
        )
    return tuple(tensors), tuple(nbytes)


def _splits(plan: Plan, snapshot: Snapshot) -> tuple[str, ...]:
    after = plan.apply(snapshot)
    groups: dict[Region, list[str]] = defaultdict(list)
    for tensor in snapshot.parameters():
        if tensor.region is not None:
            groups[tensor.region].append(tensor.name)
    rewritten = {rewrite.name for rewrite in plan.rewrites}
    split: list[str] = []
    for names in groups.values():
        kept = [name for name in names if name not in rewritten]
        moved = [name for name in names if name in rewritten]
        if not kept:
            continue
        home = after.by_name[kept[0]].region
        for name in moved:
            slot = after.by_name.get(name)
            if slot is None or slot.region != home:
                split.append(name)
    return tuple(split)


def _then(first: Plan, later: Plan) -> Plan:
    formed = {rewrite.name for rewrite in first.rewrites if rewrite.form is not None}
    still = set(first.frozen)
    for rewrite in later.rewrites:
        if still and still.intersection((rewrite.name, *(owner for _, owner in rewrite.reads))):
            raise PlanError(
                f"{clean(rewrite.name, 80)} is already frozen, or reads what is, by "
                f"{first.title or 'an earlier plan'}.",
                hint="Put what is frozen last.",
            )
        for name in (rewrite.name, *(owner for _, owner in rewrite.reads)):
            if name in formed and not (rewrite.form is not None and name != rewrite.name):
                raise PlanError(
                    f"{clean(name, 80)} is already made of pieces by {first.title or 'an earlier plan'}.",
                    hint="Put ties before forms, and one form on a name.",
                )
    moved = {rewrite.name for rewrite in later.rewrites}
    kept = tuple(rewrite for rewrite in first.rewrites if rewrite.name not in moved)
    for rewrite in kept:
        for _, owner in rewrite.reads:
            if owner in moved:
                names = listed((rewrite.name, owner))
                raise PlanError(
                    f"{clean(rewrite.name, 80)} is tied to {clean(owner, 80)}, which a later step moves.",
                    hint=f"Let the later step rewrite both: {names}.",
                )
    title = " + ".join(filter(None, (first.title, later.title)))
    return Plan((*kept, *later.rewrites), title, (*first.frozen, *later.frozen))
