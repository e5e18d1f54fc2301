"""Paired differences of seeds: Student t intervals, Holm over versions, and the words they allow.

Standard library only. The degrees of freedom are whole numbers here, so Student's distribution is
a finite sum, and SciPy (35 MB) would serve one function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import atan, cos, fsum, inf, pi, sin, sqrt
from statistics import fmean, stdev

CONFIDENCE = 0.95
LEAST_SEEDS = 3  # fewer pairs are shown as dots only
_LARGEST_T = 1e9
_ROUNDING = 1e-12  # relative: differences this close are equal but for floating point


class Word(StrEnum):
    """What may be said of a version against another."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "no difference shown"
    FEW = "too few seeds"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One version against a reference, paired by seed, among all that were compared with it.

    `pairs` holds (seed, version − reference) of every seed that both finished. `low` and `high` are
    the 95 % interval of this pair alone; `holm_low` and `holm_high` are as wide as Holm asks of it
    among its fellows, and exclude zero exactly where `word` is better or worse. All are None
    where the word is "too few seeds" or "diverged". `diverged` counts seeds of either side, of `seeds`.
    """

    version: str
    reference: str
    pairs: tuple[tuple[int, float], ...]
    word: Word
    seeds: int
    diverged: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    holm_low: float | None = None
    holm_high: float | None = None
    p: float | None = None

    @property
    def verdict(self) -> str:
        """The words of a table's row: better, no difference shown, 2 of 5 diverged."""
        return f"{self.diverged} of {self.seeds} diverged" if self.word is Word.DIVERGED else str(self.word)

    @property
    def exact(self) -> bool:
        """Whether every pair differs by the same amount, so that the interval has no width."""
        return len(self.pairs) >= LEAST_SEEDS and _spread([value for _, value in self.pairs]) == 0


def compare_pairs(
    values: Mapping[str, Mapping[int, float | None]], reference: str, *, higher_is_better: bool = True
) -> tuple[Comparison, ...]:
    """Return each version's comparison with the reference, in order.

    Args:
        values: The metric of each version and seed; None where the seed diverged. A seed that was
            not run on both sides makes no pair.
    """
    found = [_paired(values, version, reference) for version in values if version != reference]
    p_values = [1.0 if pair.p is None else pair.p for pair in found]
    decided = []
    for pair, adjusted, level in zip(found, holm(p_values), holm_levels(p_values), strict=True):
        decided.append(pair if pair.p is None else _decide(pair, adjusted, level, higher_is_better))
    return tuple(decided)


def t_interval(differences: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the Student t interval of the mean; without spread, a point.

    Raises:
        ValueError: Fewer than two differences.
    """
    if len(differences) < 2:
        raise ValueError("an interval needs two differences")
    mean, error = fmean(differences), _spread(differences) / sqrt(len(differences))
    reach = student_quantile(confidence, len(differences) - 1) * error if error else 0.0
    return mean - reach, mean + reach


def paired_p(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of a mean of zero.

    Without spread there is nothing to estimate it from: equal arms give 1, and a difference
    that every pair repeats exactly gives 0.
    """
    mean, error = fmean(differences), _spread(differences) / sqrt(len(differences))
    if not error:
        return 1.0 if mean == 0 else 0.0
    return 1 - student_central(mean / error, len(differences) - 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for their number, in the given order.

    Source:
        Holm (1979), "A simple sequentially rejective multiple test procedure".

    Example:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    adjusted, floor = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(_ranked(p_values)):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = floor
    return tuple(adjusted)


def holm_levels(p_values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, ...]:
    """Return the confidence at which each interval excludes zero exactly where Holm rejects.

    The smallest of m p-values is tested at (1 − confidence) / m, the next at m − 1; after the first
    that is kept, all others are held to its level.
    """
    alpha, levels, number, stopped = 1 - confidence, [0.0] * len(p_values), len(p_values), False
    for place in _ranked(p_values):
        levels[place] = 1 - alpha / number
        stopped = stopped or p_values[place] >= alpha / number
        number -= not stopped
    return tuple(levels)


def student_central(t: float, df: int) -> float:
    """Return the probability that a Student variable lies within ±t, for a whole number of degrees.

    Source:
        Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.

    Raises:
        ValueError: Fewer than one degree of freedom.
    """
    if df < 1:
        raise ValueError("Student's distribution needs one degree of freedom")
    angle = atan(abs(t) / sqrt(df))
    odd = df % 2
    terms, term = [], cos(angle) if odd else 1.0
    for power in range(1 + odd, df, 2):
        terms.append(term)
        term *= cos(angle) ** 2 * power / (power + 1)
    area = sin(angle) * fsum(terms)
    return (angle + area) * 2 / pi if odd else area


def student_quantile(confidence: float, df: int) -> float:
    """Return t such that a Student variable lies within ±t with this probability.

    Example:
        >>> round(student_quantile(0.95, 4), 3)
        2.776

    Raises:
        ValueError: A confidence outside 0 to 1.
    """
    if not 0 <= confidence < 1:
        raise ValueError("confidence lies from 0 to below 1")
    low, high = 0.0, 1.0
    while student_central(high, df) < confidence and high < _LARGEST_T:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if student_central(middle, df) < confidence else (low, middle)
    return high


def _paired(values: Mapping[str, Mapping[int, float | None]], version: str, reference: str) -> Comparison:
    ours, theirs = values[version], values[reference]
    both = [seed for seed in theirs if seed in ours]
    pairs, diverged = [], 0
    for seed in both:
        one, other = ours[seed], theirs[seed]
        if one is None or other is None:
            diverged += 1
        else:
            pairs.append((seed, one - other))
    word = Word.DIVERGED if diverged else Word.FEW if len(pairs) < LEAST_SEEDS else Word.SAME
    p = paired_p([value for _, value in pairs]) if word is Word.SAME else None
    return Comparison(version, reference, tuple(pairs), word, len(both), diverged, p=p)


def _decide(pair: Comparison, p: float, level: float, higher_is_better: bool) -> Comparison:
    differences = [value for _, value in pair.pairs]
    mean = fmean(differences)
    word = Word.SAME
    if p < 1 - CONFIDENCE:
        word = Word.BETTER if (mean > 0) == higher_is_better else Word.WORSE
    plain, wide = t_interval(differences), t_interval(differences, level)
    return Comparison(
        pair.version, pair.reference, pair.pairs, word, pair.seeds, 0, mean, *plain, *wide, p
    )  # fmt: skip


def _spread(values: Sequence[float]) -> float:
    """Return the standard deviation, 0 where only floating point tells the values apart."""
    largest = max(map(abs, values), default=inf)
    return 0.0 if max(values) - min(values) <= _ROUNDING * max(1.0, largest) else stdev(values)


def _ranked(p_values: Sequence[float]) -> list[int]:
    return sorted(range(len(p_values)), key=lambda place: p_values[place])
