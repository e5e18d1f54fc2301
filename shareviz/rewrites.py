"""One name made anew: who owns the pieces that it reads, and by which form it is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shareviz.errors import PlanError
from shareviz.forms import Form
from shareviz.snapshot import Kind, Snapshot, Tensor
from shareviz.text import clean, shape

WHOLE = ""  # the piece of a rewrite without a form: the tensor itself

# Where the elements of a slot or piece come from: a slot that stays (a name), or fresh memory
# (a name and a piece). Equal roots are one region and one tensor object.
Root = tuple[str, str]
PLAIN = "="

Pieces = Mapping[str, tuple[int, ...]]  # of a rewritten name, with their shapes


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
class Resolved:
    """Rewrites whose owners are followed to the end: the root and the shape of each whole or piece."""

    rewrites: Mapping[str, Rewrite]
    roots: Mapping[tuple[str, str], Root]  # (name, piece) → root
    sizes: Mapping[str, Pieces]


def resolve(wanted: Sequence[Rewrite], snapshot: Snapshot) -> Resolved:
    """Return the root of every rewritten piece, after all checks that need the model.

    Raises:
        PlanError: As `Plan.apply`.
    """
    rewrites = {rewrite.name: rewrite for rewrite in wanted}
    roots: dict[tuple[str, str], Root] = {}
    pieces: dict[tuple[int, tuple[int, ...]], Pieces] = {}  # one form serves many names: asked once a shape
    sizes: dict[str, Pieces] = {}
    for rewrite in wanted:
        _check(rewrite, snapshot)
        key = id(rewrite.form), snapshot.by_name[rewrite.name].shape
        if key not in pieces:
            pieces[key] = _pieces(rewrite, snapshot)
        sizes[rewrite.name] = pieces[key]
        _check_reads(rewrite, sizes[rewrite.name])
    for rewrite in wanted:
        reads = dict(rewrite.reads)
        for piece in sizes[rewrite.name]:
            root = _root(rewrites, rewrite.name, piece)
            if root != (rewrite.name, piece) or piece in reads:
                _check_root(snapshot, sizes, (rewrite.name, piece), root)
            roots[rewrite.name, piece] = root
    return Resolved(rewrites, roots, sizes)


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


def _check_reads(rewrite: Rewrite, known: Pieces) -> None:
    for piece, _ in rewrite.reads:
        if piece not in known:
            raise PlanError(
                f"{clean(rewrite.name, 80)} has no piece {clean(piece, 40)!r}.",
                hint=f"Its pieces are {', '.join(known)}.",
            )


def _pieces(rewrite: Rewrite, snapshot: Snapshot) -> Pieces:
    shape = snapshot.by_name[rewrite.name].shape
    if rewrite.form is None:
        return {WHOLE: shape}
    try:
        return rewrite.form.pieces(shape)
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


def _check_root(snapshot: Snapshot, sizes: Mapping[str, Pieces], asked: tuple[str, str], root: Root) -> None:
    name, piece = asked
    slot, source = snapshot.by_name[name], snapshot.by_name.get(root[0])
    if source is None or source.region is None or source.kind is Kind.BUFFER:
        raise PlanError(
            f"{clean(name, 80)} cannot read {clean(root[0], 80)}: the model has no such parameter.",
            hint="Name a parameter as the owner.",
        )
    known = sizes.get(root[0], {})
    if root[1] not in (WHOLE, PLAIN) and known and root[1] not in known:
        raise PlanError(
            f"{clean(name, 80)} cannot read {clean(root[0], 80)}: it has no piece {clean(root[1], 40)!r}.",
            hint="Share pieces only between names of one form.",
        )
    wanted, found = sizes[name][piece], known.get(root[1], source.shape)
    if wanted != found or slot.dtype != source.dtype:
        what = f"{shape(wanted)} {slot.dtype} and {shape(found)} {source.dtype}"
        raise PlanError(
            f"{clean(name, 80)} and {clean(root[0], 80)} differ: {what}.",
            hint="Share only tensors of equal shape and dtype.",
        )
