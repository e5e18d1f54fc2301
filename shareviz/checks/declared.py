"""What the configuration and the class declare of ties, against what is tied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shareviz.checks._base import Check, Finding, Level, own_line, tie_line
from shareviz.errors import SharevizError
from shareviz.relations import relation
from shareviz.roles import Role, roles
from shareviz.snapshot import Evidence, Snapshot
from shareviz.text import clean, count, listed, plural

TIED, APART, ABSENT, UNSAID = "tied", "not tied", "not there", "not stated"
_PATTERN = frozenset(r"\[](){}?*+|^$")  # transformers declares some keys as patterns: not resolved here
_MOST = 64


@dataclass(frozen=True, slots=True)
class Declared:
    """One tie that a class declares: what the configuration says of it, what is so, what the file holds.

    The three words are "tied", "not tied", "not there" or "not stated". `agrees` is False where the
    first two contradict each other.
    """

    name: str
    owner: str
    declared: str
    actual: str
    file: str

    @property
    def agrees(self) -> bool:
        return UNSAID in (self.declared, self.actual) or self.declared == self.actual or self.actual == ABSENT


def table(snapshot: Snapshot) -> tuple[Declared, ...]:
    """Return one row for each declared tie; () where the source declares none.

    Only the output head follows the flag `tie_word_embeddings`. Where the file leaves the flag out, the
    class decides, and nothing is stated.
    """
    flag = snapshot.source.fact("tie_word_embeddings")
    known = roles(snapshot)
    rows = []
    for name, owner in _pairs(snapshot):
        head = Role.HEAD in (known.get(name), known.get(owner))
        said = {"true": TIED, "false": APART if head else UNSAID}.get(flag or "", UNSAID)
        if head and said == UNSAID and _released_untied(snapshot):
            said = APART
        rows.append(Declared(name, owner, said, _actual(snapshot, name, owner), _in_file(snapshot, name)))
    return tuple(rows)


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return a problem for each contradiction, or one finding that everything is as declared."""
    rows = table(snapshot)
    wrong = [row for row in rows if not row.agrees]
    if wrong:
        return tuple(_contradiction(snapshot, row) for row in wrong)
    tied = [row for row in rows if row.actual == TIED]
    if not rows or not (tied or any(row.declared == APART for row in rows)):
        return ()
    names = tuple(row.name for row in rows)
    said = plural(len(tied), "declared tie")
    return (
        Finding(
            Level.OK,
            "Ties are as declared" if tied else "Nothing is tied, as declared",
            f"{said} {'is' if len(tied) == 1 else 'are'} tied: {listed(names)}."
            if tied
            else f"The configuration says so, and {listed(names)} stand alone.",
            names=names,
            evidence=_flag_words(snapshot),
        ),
    )


CHECK = Check(
    name="declared",
    title="Declared ties",
    run=run,
    source="transformers, PreTrainedModel._tied_weights_keys and tie_word_embeddings; #46456, #42612, #43429",
)


def _pairs(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield (name, kept name) of the declared ties that are written as plain names."""
    text = snapshot.source.fact("declared_ties") or ""
    for pair in text.split(";")[:_MOST]:
        name, _, owner = pair.partition("=")
        if name and owner and not _PATTERN.intersection(pair):
            yield name, owner


def _actual(snapshot: Snapshot, name: str, owner: str) -> str:
    try:
        return TIED if relation(snapshot, name, owner).shares else APART
    except SharevizError:
        return ABSENT


def _in_file(snapshot: Snapshot, name: str) -> str:
    slot = snapshot.by_name.get(name)
    if slot is None or snapshot.source.kind in ("config", "catalogue", "module", "python"):
        return UNSAID
    words = {Evidence.STORAGE: TIED, Evidence.STATED: TIED, Evidence.INFERRED: ABSENT}
    return words.get(slot.evidence, UNSAID)


def _released_untied(snapshot: Snapshot) -> bool:
    return any("T5 v1.1 is released untied" in note for note in snapshot.source.notes)


def _flag_words(snapshot: Snapshot) -> str:
    flag = snapshot.source.fact("tie_word_embeddings")
    if flag in ("true", "false"):
        return f"The file says tie_word_embeddings: {flag}."
    return "The file does not say tie_word_embeddings; the class decides."


def _contradiction(snapshot: Snapshot, row: Declared) -> Finding:
    name, owner = clean(row.name, 60), clean(row.owner, 60)
    if row.declared == TIED:
        return Finding(
            Level.PROBLEM,
            f"{name} is declared tied, and is not",
            f"The configuration ties it to {owner}, but they are two tensors. A file saved from a tied model "
            "lacks one of them, and loading leaves it as it was initialised.",
            names=(row.name, row.owner),
            evidence=_flag_words(snapshot),
            fix=f"{tie_line(row.name, row.owner)}\n# make the optimizer after this line",
            saves=snapshot.by_name[row.name].numel if row.name in snapshot.by_name else None,
        )
    numel = snapshot.by_name[row.name].numel if row.name in snapshot.by_name else None
    return Finding(
        Level.PROBLEM,
        f"{name} is tied, though declared apart",
        f"It reads {owner}. T5 v1.1 is the known case: its released file keeps the head apart, and this "
        f"version of transformers ties it all the same. Such a file holds {count(numel)} parameters more "
        "than this model, and one of the two is lost on loading.",
        names=(row.name, row.owner),
        evidence=_flag_words(snapshot),
        fix=f"import torch\n\n{own_line(row.name)}\n# then load the file again",
    )
