"""Every strategy tried on one model: what it would store, or the sentence why it cannot apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shareviz.assumptions import Assumptions
from shareviz.errors import PlanError
from shareviz.ledger import Ledger, Line, compare, ledger
from shareviz.options import Value, settle
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import Strategy, strategies
from shareviz.text import smaller


@dataclass(frozen=True, slots=True)
class Offer:
    """One strategy at given options on one model. Counts and ledger are None where it cannot apply."""

    strategy: str
    title: str
    options: Mapping[str, Value]
    why_not: str
    stored: int | None = None
    used: int | None = None
    verdict: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def applies(self) -> bool:
        return not self.why_not

    def data(self) -> dict[str, Any]:
        """Return the offer as plain JSON."""
        return {
            "strategy": self.strategy,
            "title": self.title,
            "options": dict(self.options),
            "applies": self.applies,
            "why_not": self.why_not or None,
            "stored": self.stored,
            "used": self.used,
            "ledger": [line_data(line) for line in self.lines],
        }


def offers(snapshot: Snapshot, given: Assumptions | None = None) -> tuple[Offer, ...]:
    """Return every strategy at its default options, in the order of their table.

    Args:
        given: What the ledger assumes; keys and values that it shares are shared after, and not before.
    """
    given = given or Assumptions()
    before = ledger(snapshot, given.without_kv_sharing)
    return tuple(_offer(strategy, snapshot, before, given) for strategy in strategies().values())


def line_data(line: Line) -> dict[str, Any]:
    """Return one line of a ledger as plain JSON; a value of None cannot be said."""
    return {
        "key": line.before.key,
        "name": line.before.title,
        "heading": line.before.heading.value,
        "before": line.before.value,
        "after": line.after.value,
        "unit": line.before.unit,
        "per": line.before.per,
        "verdict": line.verdict,
    }


def _offer(strategy: Strategy, snapshot: Snapshot, before: Ledger, given: Assumptions) -> Offer:
    values = settle(strategy.options, {})
    try:
        after = strategy.plan(snapshot, values).apply(snapshot)
    except PlanError as error:
        return Offer(strategy.name, strategy.title, values, str(error))
    counts = tally(after)
    return Offer(
        strategy.name,
        strategy.label(values),
        values,
        "",
        counts.stored,
        counts.used,
        smaller(tally(snapshot).stored, counts.stored),
        compare(before, ledger(after, given)),
    )
