"""How large an unshared model a shared one acts like: a published fit, not a measurement of this model.

Source:
    Iso-depth scaling with recurrence, arXiv 2604.21106: a loss of
    E + A · (N_once + r^φ · N_rec)^−α + B · D^−β with φ = 0.46, fitted at r = 1, 2, 4 and 8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import fsum

from shareviz.forms import Form, LowRank, Rows
from shareviz.once import once
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


Repeats = int | Fraction


def covered(snapshot: Snapshot) -> bool:
    """Whether the fit has anything to say: layers run again, whole, by rows or with a correction.

    It knows nothing of weights that are products, mixtures or hashes; a token table may be one.
    """
    left_out = outside(snapshot)
    return all(known_form(weight.form) or weight.name in left_out for weight in snapshot.derived)


def known_form(form: Form | str) -> bool:
    """Whether the fit has anything to say of a weight that is made by this form."""
    return isinstance(form, str | Rows | LowRank)


def capacity(snapshot: Snapshot, phi: float = PHI) -> Capacity:
    """Return the estimate for a model: each stored tensor counts r^φ times, r being how often it runs.

    Args:
        phi: 0 says that repeats add nothing, 1 that they are as good as layers of their own.
    """
    return estimated(by_repeats(snapshot), phi)


def estimated(elements: Mapping[Repeats, int], phi: float = PHI) -> Capacity:
    """Return the estimate for {how often a stored element runs: how many elements do}."""
    found = {max(1.0, float(often)): 0 for often, stored in elements.items() if stored}
    for often, stored in elements.items():
        if stored:
            found[max(1.0, float(often))] += stored
    total = fsum(stored * often**phi for often, stored in found.items())
    return Capacity(total, sum(found.values()), max(found, default=1.0))


@once
def by_repeats(snapshot: Snapshot) -> Mapping[Repeats, int]:
    """Return {how often a stored element runs: how many elements do}, without tables and output head."""
    left_out, often = outside(snapshot), runs(snapshot)
    found: Counter[Repeats] = Counter()
    for slots in readers(snapshot):
        if not any(slot.name in left_out for slot in slots):
            found[sum(often[slot.name] for slot in slots)] += distinct(slots)
    return found


@once
def outside(snapshot: Snapshot) -> frozenset[str]:
    """Return the weights and pieces that the estimate leaves out: tables, positions and output heads."""
    known, heads = roles(snapshot), token_heads(snapshot)
    heads |= {piece for weight in snapshot.derived if weight.name in heads for piece in weight.reads}
    return heads | {name for name, role in known.items() if role in TABLES}


@once
def runs(snapshot: Snapshot) -> Mapping[str, Repeats]:
    """Return how often each slot runs; a piece runs as often as the weight that it makes."""
    often = uses(snapshot)

    def run(name: str) -> Repeats:
        found = Fraction(1) if often is None else often.get(name, Fraction(0))
        return found.numerator if found.denominator == 1 else found  # whole numbers add up faster

    made: dict[str, Repeats] = {slot.name: run(slot.name) for slot in snapshot.parameters()}
    for weight in snapshot.derived:
        made[weight.name] = run(weight.name)
        made |= dict.fromkeys(weight.reads, made[weight.name])
    return made
