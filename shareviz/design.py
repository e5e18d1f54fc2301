"""A design: strategies folded over a model, as one line of text that a link and a command share.

`tied;cycle?stored=3&norms=shared` is a list of strategies with their options; `a:012012;f:=a;tie:1` is
a table of layers (`shareviz.tabletext`); `z:…` is a plan that neither can say, compressed.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from shareviz.errors import FormatError, OptionError, PlanError
from shareviz.firsts import MORE, first_offers
from shareviz.options import Value, parse, settle, unparse
from shareviz.plan import Plan
from shareviz.rewrites import resolve
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import Strategy, applies, strategies
from shareviz.tablemap import plan_of
from shareviz.tabletext import Table, is_table, parse_table
from shareviz.text import clean, plural

LONGEST = 65_536  # characters of a design
MOST_STEPS = 8
PLAN_BYTES = 4 * 2**20  # of an unpacked plan

HEAD_UNTIED = "head untied"  # ends a title that would else be that of a preset, which ties the head
AS_IT_IS = "As it is"
_PACKED = "z:"


@dataclass(frozen=True, slots=True)
class Step:
    """One strategy of a design, with the value of each of its options."""

    strategy: str
    options: tuple[tuple[str, Value], ...] = ()

    @property
    def values(self) -> Mapping[str, Value]:
        """Options by name."""
        return dict(self.options)

    @property
    def text(self) -> str:
        """The text of this step; options at their default are left out."""
        return unparse(self.strategy, strategies()[self.strategy].options, self.values)

    @property
    def title(self) -> str:
        """What the page calls it: Cycle 3."""
        return strategies()[self.strategy].label(self.values)


@dataclass(frozen=True, slots=True)
class Design:
    """Strategies in order, ties before forms; or one painted table or plan; or nothing."""

    steps: tuple[Step, ...] = ()
    painted: Plan | Table | None = None

    @classmethod
    def parse(cls, text: str) -> Design:
        """Return the design that a text says; no text, no design.

        Raises:
            OptionError: Too long, an unknown strategy or option, or a damaged table or packed plan.
        """
        if len(text) > LONGEST:
            raise OptionError(
                f"The design has {len(text):,} characters.", hint=f"Keep it under {LONGEST:,} characters."
            )
        if text.startswith(_PACKED):
            return cls(painted=_unpacked(text[len(_PACKED) :]))
        if is_table(text):
            return cls(painted=parse_table(text))
        parts = text.split(";") if text else []
        if len(parts) > MOST_STEPS:
            raise OptionError(
                f"The design has {plural(len(parts), 'step')}.", hint=f"Use at most {MOST_STEPS}."
            )
        return cls(tuple(_step(part) for part in parts))

    @property
    def text(self) -> str:
        """The text that `parse` reads back."""
        if isinstance(self.painted, Table):
            return self.painted.text
        if self.painted is not None:
            return _PACKED + _packed(self.painted)
        return ";".join(step.text for step in self.steps)

    def plan(self, snapshot: Snapshot) -> Plan:
        """Return the steps as one plan for a model.

        Raises:
            PlanError: A strategy does not apply, or ties a name that an earlier one made of pieces.
        """
        if isinstance(self.painted, Table):
            return plan_of(self.painted, snapshot)
        if self.painted is not None:
            return self.painted
        whole = Plan()
        for step in self.steps:
            seen = whole.apply(snapshot)
            whole = whole.then(strategies()[step.strategy].plan(seen, step.values))
        return whole

    def title(self, snapshot: Snapshot) -> str:
        """Return what the page calls this design of a model: Cycle 3, All layers, Own plan."""
        if self.painted is not None:
            return (isinstance(self.painted, Plan) and self.painted.title) or "Own plan"
        return preset_title(self, snapshot) or " + ".join(self._titles(snapshot)) or AS_IT_IS

    def _titles(self, snapshot: Snapshot) -> list[str]:
        names = [step.strategy for step in self.steps]
        titles = [step.title for step in self.steps if step.strategy not in ("apart", "tied")]
        if not titles:
            return [step.title for step in self.steps][-1:]
        # a preset of this name ties the head too: without, the title must differ
        free = "tied" not in names and not applies(_tied(), _before(self, snapshot), {"tables": "all"})
        return [*titles, HEAD_UNTIED] if free else titles


@dataclass(frozen=True, slots=True)
class Preset:
    """A design that the page offers by name; `key` is the word in the link.

    `more` says that it stands behind the first row of pills.
    """

    key: str
    title: str
    design: Design
    more: bool = False


def presets(snapshot: Snapshot) -> tuple[Preset, ...]:
    """Return the designs to offer for a model, those alone that change it, "None" first.

    A module that runs again and again cannot be undone by a plan: then the first is "As it is".
    """
    bare, found = _candidates(snapshot)
    return tuple(
        preset
        for preset in found
        if preset.key in ("none", "tied") or _changes(preset.design.steps[-1], bare)
    )


def preset_title(design: Design, snapshot: Snapshot) -> str:
    """Return the title of the preset that a design equals, or ""."""
    _, found = _candidates(snapshot)
    return next((preset.title for preset in found if preset.design == design), "")


def _candidates(snapshot: Snapshot) -> tuple[Snapshot, list[Preset]]:
    """Return the model with its ties undone, and the presets, whether or not they apply to it."""
    base = () if applies(strategies()["apart"], snapshot, {}) else (_step("apart"),)
    bare = Design(base).plan(snapshot).apply(snapshot)
    tied = () if applies(_tied(), bare, {"tables": "all"}) else (_step("tied"),)
    reused = tally(bare).saved_by_reuse or 0
    found = [Preset("none", AS_IT_IS if reused else "None", Design(base))]
    if tied:
        found.append(Preset("tied", "Tied embeddings", Design(base + tied)))
    for key, title, options in first_offers(bare):
        step = _step(options)
        design = Design((*base, *tied, step))
        if all(preset.design != design for preset in found):
            found.append(Preset(key, title or step.title, design, key in MORE))
    return bare, found


def _changes(step: Step, snapshot: Snapshot) -> bool:
    """Whether a step applies to a model and leaves it otherwise than it was."""
    try:
        plan = strategies()[step.strategy].plan(snapshot, step.values)
        resolve(plan.rewrites, snapshot)
    except PlanError:
        return False
    return bool(plan.rewrites)


def _tied() -> Strategy:
    return strategies()["tied"]


def _before(design: Design, snapshot: Snapshot) -> Snapshot:
    """Return the model that the design's sharing starts from: apart where it says so."""
    apart = design.steps[:1] if design.steps and design.steps[0].strategy == "apart" else ()
    return Design(apart).plan(snapshot).apply(snapshot)


def _step(text: str) -> Step:
    name, given = parse(text)
    strategy = strategies().get(name)
    if strategy is None:
        raise OptionError(
            f"There is no strategy {clean(name, 40)!r}.",
            hint=f"The strategies are: {', '.join(strategies())}.",
        )
    return Step(name, tuple(settle(strategy.options, given).items()))


def _packed(plan: Plan) -> str:
    from shareviz.jsonio import plan_to_json

    return base64.urlsafe_b64encode(zlib.compress(plan_to_json(plan).encode(), 9)).decode().rstrip("=")


def _unpacked(text: str) -> Plan:
    from shareviz.jsonio import plan_from_json

    damaged = OptionError("The packed plan of this link is damaged.", hint="Copy the link again, in full.")
    try:
        squeezed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        opener = zlib.decompressobj()
        document = opener.decompress(squeezed, PLAN_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise damaged from error
    if opener.unconsumed_tail:
        raise OptionError("The packed plan of this link is too large.", hint="Save the plan as a file.")
    if not opener.eof:
        raise damaged
    try:
        return plan_from_json(document)
    except FormatError as error:
        raise OptionError(
            f"The packed plan of this link is no plan: {error.message}", hint=error.hint
        ) from error
