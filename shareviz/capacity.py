"""How large an unshared model a shared one acts like: a published fit, not a measurement of this model.

Source:
    Iso-depth scaling with recurrence, arXiv 2604.21106: a loss of
    E + A · (N_once + r^φ · N_rec)^−α + B · D^−β with φ = 0.46, fitted at r = 1, 2, 4 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from shareviz.forms import LowRank, Rows
from shareviz.roles import TABLES, roles
from shareviz.sharing import distinct, readers, uses
from shareviz.snapshot import Snapshot
from shareviz.strategies.embeddings import token_heads

PHI = 0.46
FITTED = 8  # repeats; the fit ends here


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a model acts like, in elements without token and position tables and output head.

    `stored` is what it stores of that, `most_repeats` the most often that a stored tensor runs.
    """

    acts_like: float
    stored: int
    most_repeats: float

    @property
    def inside(self) -> bool:
        """Whether the published fit covers this many repeats."""
        return self.most_repeats <= FITTED


def covered(snapshot: Snapshot) -> bool:
    """Whether the fit has anything to say: layers run again, whole, by rows or with a correction.

    It knows nothing of weights that are products, mixtures or hashes; a token table may be one.
    """
    known, heads = roles(snapshot), token_heads(snapshot)
    return all(
        isinstance(weight.form, str | Rows | LowRank) or known[weight.name] in TABLES or weight.name in heads
        for weight in snapshot.derived
    )


def capacity(snapshot: Snapshot, phi: float = PHI) -> Capacity:
    """Return the estimate for a model: each stored tensor counts r^φ times, r being how often it runs.

    Args:
        phi: 0 says that repeats add nothing, 1 that they are as good as layers of their own.
    """
    known = roles(snapshot)
    heads = token_heads(snapshot)
    heads |= {piece for weight in snapshot.derived if weight.name in heads for piece in weight.reads}
    runs = _runs(snapshot)
    total, stored, most = 0.0, 0, 1.0
    for slots in readers(snapshot):
        if any(known[slot.name] in TABLES or slot.name in heads for slot in slots):
            continue
        repeats = max(1.0, float(sum(runs[slot.name] for slot in slots)))
        elements = distinct(slots)
        total += elements * repeats**phi
        stored += elements
        most = max(most, repeats)
    return Capacity(total, stored, most)


def _runs(snapshot: Snapshot) -> dict[str, Fraction]:
    """Return how often each slot runs; a piece runs as often as the weight that it makes."""
    often = uses(snapshot)

    def run(name: str) -> Fraction:
        return Fraction(1) if often is None else often.get(name, Fraction(0))

    runs = {slot.name: run(slot.name) for slot in snapshot.parameters()}
    for weight in snapshot.derived:
        for piece in weight.reads:
            runs[piece] = run(weight.name)
    return runs
