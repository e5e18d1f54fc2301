"""A situation in, the approaches that fit it out: in order, measured on a model, with evidence and limits.

Rules are records in a table, one family a file, `RULES`. Nothing is said of quality that no source says.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from shareviz.assumptions import Assumptions
from shareviz.effects import Effect, effects
from shareviz.errors import PlanError
from shareviz.guide._base import BUILDS, CANNOT, HURTS, Rule, Situation
from shareviz.kv import offered_heads
from shareviz.ledger import Line, compare, ledger
from shareviz.options import parse, settle
from shareviz.plan import Plan
from shareviz.plugins import members
from shareviz.roles import Role, roles
from shareviz.snapshot import Snapshot
from shareviz.strategies import stacks_of, strategies
from shareviz.strategies.embeddings import token_heads

__all__ = ["BUILDS", "CANNOT", "HURTS", "Advice", "Rule", "Situation", "builds_of", "guide", "rules"]

EXAMPLES: Mapping[str, str] = {  # a model of the catalogue for each situation
    "language-model": "language_model",
    "encoder": "encoder",
    "classifier": "vit",
    "convolutional": "conv_classifier",
    "recurrent": "gru_classifier",
    "multi-task": "multitask",
    "two-sided": "siamese",
    "fine-tuning": "encoder",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """One approach, measured on a model. `lines` are the rows of the ledger for what hurts.

    `design` and `assumed` open it in Savings; `why_not` is the reason where the model does not take it.
    """

    rule: Rule
    design: str
    assumed: str
    score: int
    lines: tuple[Line, ...] = ()
    why_not: str = ""

    @property
    def pro(self) -> tuple[Effect, ...]:
        """Published effects that speak for it."""
        return tuple(effects()[key] for key in self.rule.pro)

    @property
    def con(self) -> tuple[Effect, ...]:
        """Published effects that speak against it."""
        return tuple(effects()[key] for key in self.rule.con)

    def data(self) -> dict[str, Any]:
        """Return the advice as plain JSON."""
        return {
            "rule": self.rule.name,
            "title": self.rule.title,
            "design": self.design,
            "assumptions": self.assumed,
            "why_not": self.why_not or None,
            "measured": {line.after.key: [line.before.value, line.after.value] for line in self.lines},
            "saves": self.rule.saves,
            "keeps": self.rule.keeps,
            "limits": self.rule.limits,
            "for": [f"{effect.text} {effect.source}" for effect in self.pro],
            "against": [f"{effect.text} {effect.source}" for effect in self.con],
        }


@cache
def rules() -> Mapping[str, Rule]:
    """Return the rules by name.

    Raises:
        TypeError: A family holds something else, or two rules have one name.
    """
    return members(sys.modules[__name__], "RULES", Rule, lambda one: one.name)


def guide(snapshot: Snapshot, situation: Situation) -> tuple[Advice, ...]:
    """Return the approaches that fit a situation, the best fit first; those a model refuses are last.

    Fit is how much of what hurts an approach eases; among equals, the one that leaves least comes first.

    Args:
        snapshot: The model that the savings are computed on, with nothing shared.
    """
    found = [_advice(snapshot, rule, situation) for rule in rules().values() if _fits(rule, situation)]
    return tuple(sorted(found, key=lambda one: (bool(one.why_not), -one.score, _left(one))))


def builds_of(snapshot: Snapshot) -> str:
    """Return which of the situations a model is, as far as its names say."""
    known = set(roles(snapshot).values())
    if stacks_of(snapshot, "towers"):
        return "multi-task" if stacks_of(snapshot, "heads") else "two-sided"
    if token_heads(snapshot):
        return "language-model"
    if Role.EMBEDDING in known:
        return "encoder"
    if Role.RECURRENT in known or stacks_of(snapshot, "cells"):
        return "recurrent"
    return "convolutional" if Role.ATTENTION not in known and Role.CONVOLUTION in known else "classifier"


def _fits(rule: Rule, situation: Situation) -> bool:
    if situation.builds not in rule.fits or (rule.needs_trained and not _trained(situation)):
        return False
    return any(name in rule.eases for name in situation.hurts)


def _trained(situation: Situation) -> bool:
    return situation.trained or situation.builds == "fine-tuning"


def _score(rule: Rule, situation: Situation) -> int:
    eased = 2 * sum(rule.eases.get(name, 0) for name in situation.hurts)
    return eased - (rule.retrains and _trained(situation))  # what keeps trained weights comes before


def _advice(snapshot: Snapshot, rule: Rule, situation: Situation) -> Advice:
    score, text = _score(rule, situation), rule.steps(snapshot)
    given = _assumed(snapshot, rule)
    try:
        after = _plan(snapshot, text).apply(snapshot)
    except PlanError as error:
        return Advice(rule, text, given.text, score, why_not=str(error))
    lines = compare(ledger(snapshot), ledger(after, given))
    keys = {HURTS[name][1] for name in situation.hurts} | {"weights"}
    return Advice(rule, text, given.text, score, tuple(line for line in lines if line.after.key in keys))


def _assumed(snapshot: Snapshot, rule: Rule) -> Assumptions:
    """Return the assumptions under which keys and values are shared as the rule says."""
    heads = offered_heads(snapshot)
    wanted = 0
    if rule.kv_divisor > 1 and len(heads) > 1:
        wanted = next(n for n in reversed(heads[:-1]) if n <= max(1, heads[-1] // rule.kv_divisor))
    return Assumptions(kv_heads=wanted, kv_layers=rule.kv_layers)


def _plan(snapshot: Snapshot, text: str) -> Plan:
    if not text:
        return Plan()
    name, given = parse(text)
    strategy = strategies()[name]
    return strategy.plan(snapshot, settle(strategy.options, given))


def _left(advice: Advice) -> float:
    kept = [line.kept for line in advice.lines if line.kept is not None]
    return sum(kept) / len(kept) if kept else 1.0
