"""What is wanted: a tuple of rewrites, and what a model looks like after them.

A rewrite says of one name who owns the pieces it reads, and by which form it is made of them.
A tie is a rewrite with another owner; untying is one with none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shareviz.errors import PlanError
from shareviz.forms import Form
from shareviz.snapshot import Derived, Kind, Region, Snapshot, Tensor, contiguous
from shareviz.text import clean, listed, shape

WHOLE = ""  # the piece of a rewrite without a form: the tensor itself

# Where the elements of a slot or piece come from: a slot that stays (a name), or fresh memory
# (a name and a piece). Equal roots are one region and one tensor object.
Root = tuple[str, str]
PLAIN = "="


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One name made anew.

    `reads` holds (piece, owning name) pairs; a piece that is missing is the name's own. Without a
    form the only piece is `WHOLE`: `Rewrite(a, reads=(("", b),))` ties a to b, `Rewrite(a)` unties a.
    A piece owned by a name without a form is that name's whole tensor.
    """

    name: str
    form: Form | None = None
    reads: tuple[tuple[str, str], ...] = ()

    @property
    def owner(self) -> str | None:
        """The name that this one is tied to, or None."""
        return self.reads[0][1] if self.form is None and self.reads else None


def tie(name: str, owner: str) -> Rewrite:
    """Return the rewrite that makes `name` read what `owner` reads."""
    return Rewrite(name, reads=((WHOLE, owner),))


def own(name: str) -> Rewrite:
    """Return the rewrite that gives `name` memory of its own."""
    return Rewrite(name)


@dataclass(frozen=True, slots=True)
class Plan:
    """Rewrites, at most one for each name; `title` is what the page calls them."""

    rewrites: tuple[Rewrite, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        names = [rewrite.name for rewrite in self.rewrites]
        if len(set(names)) < len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise PlanError(
                f"The plan rewrites {clean(twice, 80)} twice.", hint="Keep one rewrite for each name."
            )

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Return the model under this plan; the steps of its forward pass do not change.

        Raises:
            PlanError: A name is unknown or a buffer, shapes or dtypes differ, owners form a circle,
                or a tie reaches a name that is made of pieces.
        """
        if not self.rewrites:
            return snapshot
        return _applied(snapshot, resolve(self, snapshot))

    def splits(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Return the names whose tie to a name left as it is would silently break."""
        return _splits(self, snapshot)

    def then(self, later: Plan) -> Plan:
        """Return this plan followed by another, which was made for `self.apply(…)`.

        Raises:
            PlanError: The later plan rewrites a name, or ties to one, that this one makes of pieces.
        """
        return _then(self, later)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A plan whose owners are followed to the end: the root of each whole or piece."""

    plan: Plan
    rewrites: Mapping[str, Rewrite]
    roots: Mapping[tuple[str, str], Root]  # (name, piece) → root

    def fresh(self, name: str, piece: str) -> bool:
        """Whether this piece is new memory, owned by this very name."""
        return self.roots[name, piece] == (name, piece)


def resolve(plan: Plan, snapshot: Snapshot) -> Resolved:
    """Return the root of every rewritten piece, after all checks that need the model."""
    rewrites = {rewrite.name: rewrite for rewrite in plan.rewrites}
    roots: dict[tuple[str, str], Root] = {}
    for rewrite in plan.rewrites:
        _check(rewrite, snapshot)
        for piece in _pieces(rewrite, snapshot):
            root = _root(rewrites, rewrite.name, piece)
            _check_root(snapshot, rewrites, (rewrite.name, piece), root)
            roots[rewrite.name, piece] = root
    return Resolved(plan, rewrites, roots)


def piece_name(tensor: Tensor, piece: str, form: Form) -> str:
    """Return the name under which torch keeps a piece of a formed weight.

    Source: torch.nn.utils.parametrize: `original` holds the first piece; the others are parameters
    of the parametrization itself, number 0 of the list.
    """
    host = f"{tensor.module}." if tensor.module else ""
    attribute = tensor.name[len(host) :]
    first = next(iter(form.pieces(tensor.shape)))
    return f"{host}parametrizations.{attribute}.{'original' if piece == first else f'0.{piece}'}"


def _check(rewrite: Rewrite, snapshot: Snapshot) -> None:
    slot = snapshot.by_name.get(rewrite.name)
    name = clean(rewrite.name, 80)
    if rewrite.name in snapshot.derived_by_name or rewrite.name in snapshot.pieces:
        raise PlanError(
            f"{name} is already made of pieces; it cannot be rewritten again.",
            hint="Put ties before forms, and one form on a name.",
        )
    if slot is None:
        raise PlanError(f"The model has no tensor {name}.", hint="Use the first name that the map shows.")
    if slot.kind is Kind.BUFFER:
        raise PlanError(f"{name} is a buffer; only parameters are planned.", hint="Leave buffers out.")
    if slot.region is None:
        raise PlanError(f"{name} has no shape yet.", hint="Run the model once before planning.")
    known = _pieces(rewrite, snapshot)
    for piece, _ in rewrite.reads:
        if piece not in known:
            raise PlanError(
                f"{name} has no piece {clean(piece, 40)!r}.", hint=f"Its pieces are {', '.join(known)}."
            )


def _pieces(rewrite: Rewrite, snapshot: Snapshot) -> tuple[str, ...]:
    if rewrite.form is None:
        return (WHOLE,)
    try:
        return tuple(rewrite.form.pieces(snapshot.by_name[rewrite.name].shape))
    except ValueError as error:
        raise PlanError(
            f"{clean(rewrite.name, 80)}: {error}.", hint="Choose another form or size for this tensor."
        ) from error


def _root(rewrites: Mapping[str, Rewrite], name: str, piece: str) -> Root:
    start, seen = name, set[tuple[str, str]]()
    while True:
        rewrite = rewrites.get(name)
        if rewrite is None:
            return (name, PLAIN)
        if rewrite.form is None:
            owner, piece = rewrite.owner, WHOLE
        else:
            if piece == WHOLE:
                raise PlanError(
                    f"{clean(start, 80)} is tied to {clean(name, 80)}, which is made of pieces.",
                    hint="Put ties before forms.",
                )
            owner = dict(rewrite.reads).get(piece)
        if owner is None or owner == name:
            return (name, piece)
        if (name, piece) in seen:
            raise PlanError(f"The owners of {clean(start, 80)} form a circle.", hint="Let one name own.")
        seen.add((name, piece))
        name = owner


def _check_root(
    snapshot: Snapshot, rewrites: Mapping[str, Rewrite], asked: tuple[str, str], root: Root
) -> None:
    name, piece = asked
    slot, source = snapshot.by_name[name], snapshot.by_name.get(root[0])
    if source is None or source.region is None or source.kind is Kind.BUFFER:
        raise PlanError(
            f"{clean(name, 80)} cannot read {clean(root[0], 80)}: the model has no such parameter.",
            hint="Name a parameter as the owner.",
        )
    owner = rewrites.get(root[0])
    if root[1] not in (WHOLE, PLAIN) and owner is not None and root[1] not in _pieces(owner, snapshot):
        raise PlanError(
            f"{clean(name, 80)} cannot read {clean(root[0], 80)}: it has no piece {clean(root[1], 40)!r}.",
            hint="Share pieces only between names of one form.",
        )
    wanted, found = _size(rewrites[name], slot, piece), _size(owner, source, root[1])
    if wanted != found or slot.dtype != source.dtype:
        what = f"{shape(wanted)} {slot.dtype} and {shape(found)} {source.dtype}"
        raise PlanError(
            f"{clean(name, 80)} and {clean(root[0], 80)} differ: {what}.",
            hint="Share only tensors of equal shape and dtype.",
        )


def _size(rewrite: Rewrite | None, slot: Tensor, piece: str) -> tuple[int, ...]:
    if rewrite is None or rewrite.form is None or piece in (WHOLE, PLAIN):
        return slot.shape
    return rewrite.form.pieces(slot.shape)[piece]


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
            region = replace(old, storage=storages[key])
        number = None
        if source.object is not None:
            number = objects.setdefault(source.object if plain else root, len(objects))
        tensors.append(
            replace(
                tensor,
                region=region,
                object=number,
                trainable=source.trainable,
                evidence=source.evidence if plain else tensor.evidence,
            )
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
    for rewrite in later.rewrites:
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
    return Plan((*kept, *later.rewrites), title)
