"""Every strategy as a row of one table: what it stores and acts like, or the sentence why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shareviz.design import Design, Preset
from shareviz.effects import NOTHING_KNOWN, effects_of
from shareviz.errors import PlanError
from shareviz.ledger import kv_cache
from shareviz.options import settle
from shareviz.savings import Comparison, Tried, measured
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import Strategy, strategies

TABLES = "token table and head"  # the topic of what most ways do beside their own


@dataclass(frozen=True, slots=True)
class Way:
    """One way to share a model. Counts are None where it does not apply, or where they cannot be said.

    `design` is the text that chooses it, `factor` what the model without sharing stores ÷ what this
    does, `validity` how far the estimate goes, `kv_cache` bytes for a token.
    """

    strategy: str
    title: str
    options: str
    design: str = ""
    current: bool = False
    stored: int | None = None
    factor: float | None = None
    used: int | None = None
    non_embedding: int | None = None
    trainable: int | None = None
    acts_like: int | None = None
    validity: str = ""
    kv_cache: float | None = None
    effect: str = ""
    why_not: str = ""


def ways(shown: Comparison, base: Snapshot, start: str = "") -> tuple[Way, ...]:
    """Return every way of a comparison, then the strategies that no preset holds; refused ones last.

    Args:
        base: The model that a strategy starts from, and `start` the design that leads there from the
            model of the page: its ties undone, its head tied.
    """
    whole = tally(shown.before).stored
    found = [_way(one, whole, current=one is shown.now) for one in shown.rows]
    held = {step.strategy for one in shown.offered for step in one.preset.design.steps}
    refused = []
    for strategy in strategies().values():
        if strategy.name in held or strategy.name in {"apart", "tied"} & held:
            continue
        made = _default(strategy, base, start)
        if isinstance(made, Way):
            refused.append(made)
        elif all(one.design != made.preset.design.text for one in found):
            found.append(_way(made, whole, current=False))
    return (*found, *refused)


def matching(every: tuple[Way, ...], words: str) -> tuple[Way, ...]:
    """Return the ways that hold all of some words, in their title, options, effect or reason."""
    wanted = words.lower().split()
    return tuple(way for way in every if all(word in _text(way) for word in wanted))


def _text(way: Way) -> str:
    return " ".join((way.strategy, way.title, way.options, way.effect, way.validity, way.why_not)).lower()


def _default(strategy: Strategy, base: Snapshot, start: str) -> Tried | Way:
    values = settle(strategy.options, {})
    try:
        after = strategy.plan(base, values).apply(base)
    except PlanError as error:
        return Way(strategy.name, strategy.title, "", why_not=str(error))
    text = ";".join(filter(None, (start, strategy.name)))
    return measured(Preset(strategy.name, strategy.label(values), Design.parse(text)), after)


def _way(one: Tried, whole: int, *, current: bool) -> Way:
    counts, estimate = tally(one.after), one.estimate
    last = one.preset.design.steps[-1] if one.preset.design.steps else None
    return Way(
        last.strategy if last else "",
        one.preset.title,
        _options(one.preset.design),
        one.preset.design.text,
        current,
        counts.stored,
        whole / counts.stored if counts.stored else None,
        counts.used,
        counts.non_embedding,
        counts.trainable,
        None if estimate is None else round(estimate.acts_like),
        "" if estimate is None else "inside the fit" if estimate.inside else "a guess",
        kv_cache(one.after).value,
        _effect(one.preset.design, one.after),
    )


def _options(design: Design) -> str:
    steps = [step for step in design.steps if step.strategy not in ("apart", "tied")]
    return "; ".join(", ".join(f"{name} {value}" for name, value in step.options) for step in steps)


def _effect(design: Design, after: Snapshot) -> str:
    """Return what was published on the way beside its tied head, or that nothing is known."""
    if all(step.strategy == "apart" for step in design.steps) and design.painted is None:
        return ""
    topics = [topic for topic in effects_of(after) if topic.title != TABLES or len(design.steps) < 3]
    if not topics or (topics[0].title == TABLES and not design.text.endswith("tied")):
        return NOTHING_KNOWN
    first = topics[0].effects[0]
    more = "Sources disagree; one: " if topics[0].disputed else ""
    return f"{more}{first.text} {first.where} ({first.source})"


COLUMNS: Mapping[str, tuple[str, Callable[[Way], object]]] = {
    "title": ("Strategy", lambda way: way.title),
    "stored": ("Stored", lambda way: way.stored),
    "factor": ("÷", lambda way: way.factor),
    "used": ("Used", lambda way: way.used),
    "non_embedding": ("Non-embedding", lambda way: way.non_embedding),
    "trainable": ("Trainable", lambda way: way.trainable),
    "acts_like": ("Acts like", lambda way: way.acts_like),
    "validity": ("Estimate", lambda way: way.validity),
    "kv_cache": ("KV / token", lambda way: way.kv_cache),
    "options": ("Options", lambda way: way.options),
    "effect": ("Published effect", lambda way: way.effect),
    "why_not": ("Why not", lambda way: way.why_not),
}
