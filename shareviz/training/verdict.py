"""What a comparison says in words: no winner inside the noise."""

from __future__ import annotations

from collections.abc import Collection

from shareviz.text import figure, plural, points
from shareviz.training.results import Result, Row
from shareviz.training.statistics import Comparison, Word
from shareviz.training.tasks import Metric


def verdict(result: Result, pair: Comparison | None = None) -> str:
    """Return the title of a result: one comparison in a sentence, by default the first fair one."""
    pair = pair or first_pair(result)
    if pair is None:
        return f"{plural(len(result.members), 'run')} so far, nothing to compare yet"
    version, reference = _titles(result, pair)
    if pair.word in (Word.BETTER, Word.WORSE):
        return f"{version} {'beats' if pair.word is Word.BETTER else 'loses to'} {_lower(reference)}"
    if pair.word is Word.DIVERGED:
        return f"{pair.diverged} of {pair.seeds} seeds diverged: {version} against {_lower(reference)}"
    if pair.word is Word.FEW:
        return f"Too few seeds to compare {_lower(version)} and {_lower(reference)}"
    return f"No difference shown between {_lower(version)} and {_lower(reference)}"


def explained(result: Result, pair: Comparison | None = None) -> str:
    """Return the sentence below: the difference, its interval, the seeds and the task."""
    pair = pair or first_pair(result)
    task = result.task
    where = f"Task: {_lower(task.title)}, {_lower(task.sets[task.main].title)}."
    where += "" if task.metric.share else f" Measure: {measured(task.metric)}."
    if pair is None or pair.mean is None:
        return where
    return f"Difference {difference(result, pair)}. {where}"


def difference(result: Result, pair: Comparison) -> str:
    """Return a mean difference, its interval and its seeds; "n/a" where there is no mean.

    The interval is Holm's: it leaves out zero exactly where a winner is named.
    """
    if pair.mean is None:
        return "n/a"
    said = amount(result, pair.mean, sign=True)
    if pair.holm_low is not None and pair.holm_high is not None:
        low, high = (amount(result, v, sign=True).split()[0] for v in (pair.holm_low, pair.holm_high))
        said += f", 95 % interval {low} to {high}"
    return f"{said}, {plural(len(pair.pairs), 'paired seed')}"


def amount(result: Result, value: float, *, sign: bool = False) -> str:
    """Return a metric or a difference as people read it: shares in points, other numbers as they are."""
    if not result.task.metric.share:
        return figure(value, sign=sign)
    return points(value, sign=sign) + (" points" if sign else "")


def measured(metric: Metric) -> str:
    """Return what is measured, in running text, with its direction where people may expect the other."""
    return _lower(metric.title) + ("" if metric.higher_is_better else " (lower is better)")


def goal(metric: Metric) -> str:
    """Return from where on a run counts as solved: accuracy 99.0 or more, squared error 0.01 or less."""
    value = points(metric.solved) if metric.share else figure(metric.solved)
    return f"{_lower(metric.title)} {value} or {'more' if metric.higher_is_better else 'less'}"


def solved(row: Row) -> str:
    """Return how many seeds of a version solved the task: 3 of 5; one that diverged has not."""
    return f"{row.solved} of {row.seeds}"


def partly(result: Result, versions: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return (title, "4 of 5 solved it") of the versions of which some seeds solved the task and some not.

    A mean says little of them: no seed may lie near it.
    """
    rows = [row for row in result.table() if row.arm.name in versions]
    return tuple((row.arm.title, f"{solved(row)} solved it") for row in rows if 0 < row.solved < row.seeds)


def first_pair(result: Result) -> Comparison | None:
    """Return the comparison that the title is about, or None where too little was run."""
    for _, pairs in result.columns():
        return pairs[0]
    return None


def _titles(result: Result, pair: Comparison) -> tuple[str, str]:
    return result.arm(pair.version).title, result.arm(pair.reference).title


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[:2] == "A " else text
