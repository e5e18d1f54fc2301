"""How often each weight is used in one forward pass, split by form: positions, steps, layers, names.

The unifying number of sharing: a convolution's kernel is used at every position, a cell at every step, a
shared block in every layer, a tied table under every name. Their product is how many copies there would
be if nothing were shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from shareviz.headline import layer_noun
from shareviz.layers import stacks
from shareviz.roles import Role, roles
from shareviz.sharing import components
from shareviz.snapshot import Snapshot, Step
from shareviz.text import minus, plural


@dataclass(frozen=True, slots=True)
class Uses:
    """The uses of the elements that tied slots share, in one forward pass.

    `positions` counts, for each read, how many outputs one element goes into: tokens, pixels, examples;
    None where the operation does not say. `steps` and `layers` count reads of one module again and
    again, or through ties inside one stack; `names` counts ties across a model. Means over reads, so
    that `total` = positions × steps × layers × names.
    """

    positions: Fraction | None
    steps: Fraction
    layers: Fraction
    names: Fraction

    @property
    def total(self) -> Fraction | None:
        """Uses of one element, or None where positions are not known."""
        if self.positions is None:
            return None
        return self.positions * self.steps * self.layers * self.names

    @property
    def text(self) -> str:
        """The factors in words: 8 positions × 12 layers; "once" where there is one use."""
        parts = []
        for value, noun in (
            (self.positions, "position"),
            (self.steps, "step"),
            (self.layers, "layer"),
            (self.names, "name"),
        ):
            if value is not None and value != 1:
                parts.append(
                    plural(int(value), noun) if value.denominator == 1 else f"{float(value):.3g} {noun}s"
                )
        return minus(" × ".join(parts)) or "once"


def use_forms(snapshot: Snapshot) -> Mapping[str, Uses] | None:
    """Return the uses of every parameter slot and derived weight by name, or None if not traced.

    Tied slots have the same uses. A weight that is never read has no entry.
    """
    if snapshot.steps is None:
        return None
    sizes = _sizes(snapshot)
    reads: dict[str, list[tuple[Fraction, Fraction | None]]] = defaultdict(list)
    for step in snapshot.steps:
        if not step.makes:
            for name, taken in step.reads:
                share = Fraction(taken, prod(sizes[name]) or 1)
                reads[name].append((share, positions(step, (name, taken), sizes)))
    known, places = roles(snapshot), _places(snapshot)
    found: dict[str, Uses] = {}
    for names in _tied(snapshot):
        read = [name for name in names if reads[name]]
        if read:
            uses = _uses(read, reads, known, places)
            found |= dict.fromkeys(names, uses)
    return found


def unshared_total(snapshot: Snapshot) -> int | None:
    """Return the elements there would be if nothing were shared, not even over positions and steps.

    None where the model was not traced, or an operation does not say its positions.
    """
    forms = use_forms(snapshot)
    if forms is None:
        return None
    total = Fraction(0)
    for names in _tied(snapshot):
        read = next((name for name in names if name in forms), None)
        if read is None:
            continue
        uses = forms[read].total
        if uses is None:
            return None
        total += uses * prod(_sizes(snapshot)[read])
    return int(total)


def positions(step: Step, read: tuple[str, int], sizes: Mapping[str, tuple[int, ...]]) -> Fraction | None:
    """Return how many outputs one element of a read goes into, or None where the step does not say.

    A matrix or kernel does two operations for each output that an element serves; a lookup serves the
    rows that it returns; a bias or gain as many outputs as there are for each of its elements.
    """
    name, taken = read
    matrices = [other for other, _ in step.reads if len(sizes[other]) > 1]
    if len(sizes[name]) > 1:
        if step.op == "embedding":
            return Fraction(prod(step.shape[:-1]))
        if not step.flops or len(matrices) > 1:
            return None
        return Fraction(step.flops, 2 * taken)
    return Fraction(prod(step.shape), taken) if taken and step.shape else None


def _uses(
    names: list[str],
    reads: Mapping[str, list[tuple[Fraction, Fraction | None]]],
    known: Mapping[str, Role],
    places: Mapping[str, tuple[str, str]],
) -> Uses:
    all_reads = [read for name in names for read in reads[name]]
    shares = sum((share for share, _ in all_reads), Fraction(0))
    served = [share * at for share, at in all_reads if at is not None]
    at = sum(served, Fraction(0)) / shares if len(served) == len(all_reads) else None
    each = shares / len(names)  # reads of one slot
    here = {places.get(name) for name in names}
    form = next(iter(here)) if len(here) == 1 else None
    factors = {"step": Fraction(1), "layer": Fraction(1), "name": Fraction(1)}
    factors["step" if known.get(names[0]) is Role.RECURRENT else "layer"] *= each
    noun = form[1] if form is not None else "name"
    factors[noun if noun in factors else "name"] *= len(names)
    return Uses(at, factors["step"], factors["layer"], factors["name"])


def _sizes(snapshot: Snapshot) -> dict[str, tuple[int, ...]]:
    sizes = {slot.name: slot.shape for slot in snapshot.parameters()}
    return sizes | {weight.name: weight.shape for weight in snapshot.derived}


def _tied(snapshot: Snapshot) -> Iterable[list[str]]:
    for slots in components(snapshot.parameters()):
        yield [slot.name for slot in slots]
    for weight in snapshot.derived:
        yield [weight.name]


def _places(snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    """Return {slot: (stack and column, what a member of the stack is called)}."""
    places = {}
    for number, stack in enumerate(stacks(snapshot)):
        noun = layer_noun(snapshot, stack)
        for column in stack.columns:
            for name in stack.column(column):
                if name is not None:
                    places[name] = (f"{number} {column}", noun)
    return places
