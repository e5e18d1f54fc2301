"""What sharing shrinks and what it does not, in bytes and operations, under stated assumptions.

Two headings keep them apart: what follows the stored parameters shrinks; what follows the used
parameters and the layers that run stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from shareviz.assumptions import OPTIMIZERS, Assumptions
from shareviz.capacity import FITTED, capacity, covered
from shareviz.kv import kv_cached
from shareviz.layers import passes, stacks
from shareviz.roles import Role, roles
from shareviz.sharing import Tally, readers, tally
from shareviz.snapshot import Snapshot, itemsize
from shareviz.strategies import stack_kind
from shareviz.strategies.grouped import key_values
from shareviz.text import count, percent, plural, size, smaller


class Heading(StrEnum):
    """The parts of a ledger; the third only where keys and values are shared."""

    SHRINKS = "Shrinks"
    SAME = "Stays the same"
    KV = "KV sharing"
    ESTIMATE = "Estimate"


FOLLOWS: Mapping[Heading, str] = {
    Heading.SHRINKS: "follows stored parameters",
    Heading.SAME: "follows used parameters and layers",
    Heading.KV: "shares activations, not parameters",
    Heading.ESTIMATE: "without tables and output head",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity of a model. `value` is None where this source cannot say.

    `unit` is bytes, operations, parameters or layers; `per` what it is counted for, such as token;
    `note` says in a sentence how it is counted, or why it cannot be said. `absent` says that the
    model has no such thing: a classifier keeps no keys and values.
    """

    key: str
    heading: Heading
    title: str
    value: float | None
    unit: str = "bytes"
    per: str = ""
    note: str = ""
    absent: bool = False

    @property
    def shown(self) -> str:
        """The value as people read it: 231 MiB, 247.0 M / token, cannot say."""
        if self.absent:
            return "none"
        if self.value is None:
            return "cannot say"
        number = size(self.value) if self.unit == "bytes" else count(self.value)
        return f"{number} / {self.per}" if self.per else number


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows of one model, in the order of the headings."""

    rows: tuple[Row, ...]
    assumptions: Assumptions

    def row(self, key: str) -> Row:
        """Return the row of this key."""
        return next(row for row in self.rows if row.key == key)

    def data(self) -> dict[str, float | None]:
        """Return {key: value}; None means that this source cannot say."""
        return {row.key: row.value for row in self.rows}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of two models side by side: without sharing, and with."""

    before: Row
    after: Row
    verdict: str

    @property
    def kept(self) -> float | None:
        """The part that is left, or None where it cannot be said."""
        if self.before.value is None or self.after.value is None:
            return None
        return self.after.value / self.before.value if self.before.value else 1.0


def ledger(snapshot: Snapshot, assumptions: Assumptions | None = None) -> Ledger:
    """Return what a model costs to keep, to train and to run."""
    given = assumptions or Assumptions()
    counts = tally(snapshot)
    return Ledger(
        (*_shrinking(snapshot, counts, given), *_staying(snapshot, given), _estimate(snapshot, given)), given
    )


def compare(before: Ledger, after: Ledger) -> tuple[Line, ...]:
    """Return each row without and with sharing, and the verdict: ÷2.7, same, cannot say."""
    return tuple(Line(old, new, _verdict(old, new)) for old, new in zip(before.rows, after.rows, strict=True))


def _verdict(before: Row, after: Row) -> str:
    if before.absent and after.absent:
        return "–"
    if before.value is None or after.value is None:
        return "cannot say"
    if before.heading is Heading.ESTIMATE:
        return percent(after.value, before.value)
    return smaller(before.value, after.value)


def _shrinking(snapshot: Snapshot, counts: Tally, given: Assumptions) -> Iterable[Row]:
    width = itemsize(given.dtype)
    trained = counts.stored if counts.trainable is None else counts.trainable
    told = "" if counts.trainable is not None else " A file does not say what is trained: all counts."
    weights, gradients = counts.stored * width, trained * width
    # a ring sends each gradient out and back, less the part that stays: 2 (n − 1) / n
    sent = 2 * (given.workers - 1) / given.workers * gradients
    name, each = OPTIMIZERS[given.optimizer]
    state = _adafactor(snapshot) if each is None else trained * each
    yield _row("weights", "Weights", weights, f"Each stored parameter once, {given.dtype}.")
    yield _row("gradients", "Gradients", gradients, f"One for each trained parameter.{told}")
    how = "rows and columns of each matrix" if each is None else f"{each:g} bytes for each parameter"
    yield _row("optimizer", f"{name} state", state, f"{name} keeps {how}.{told}")
    said = f"Bytes that each of {plural(given.workers, 'worker')} sends in one step of a ring."
    yield _row("all_reduce", "All-reduce", sent, said)
    yield _row("disk", "On disk", weights, "A file that writes each tensor once.")


def _row(key: str, title: str, value: float, note: str) -> Row:
    return Row(key, Heading.SHRINKS, title, value, note=note)


def _adafactor(snapshot: Snapshot) -> float:
    total = 0
    for slots in readers(snapshot):
        sizes = slots[0].shape
        if slots[0].trainable is not False:
            total += prod(sizes[:-2]) * sum(sizes[-2:]) if len(sizes) > 1 else slots[0].numel
    return 4.0 * total


def _staying(snapshot: Snapshot, given: Assumptions) -> Iterable[Row]:
    stated = snapshot.source.fact("length")
    length = int(stated) if stated and stated.isdecimal() and int(stated) else None
    per = ("token" if Role.EMBEDDING in roles(snapshot).values() else "step") if length else "input"
    traced = f"Traced with {plural(length, per)}." if length else "Traced with one input."
    sized = snapshot.source.fact("sizes") != "unknown"
    work = [step for step in snapshot.steps or () if not step.makes and sized]
    untraced = "" if snapshot.steps else "This source has no forward pass to follow."
    untraced = untraced if sized else "This source does not say how large the results of its steps are."
    flops = sum(step.flops for step in work) / (length or 1) if work else None
    attends = key_values(snapshot) and length
    note = untraced or (f"{traced} Attention over longer inputs adds more." if attends else traced)
    yield Row("flops", Heading.SAME, "FLOPs", flops, "operations", per, note)
    # a reshaped result is no second result
    kept = sum(prod(step.shape) for step in work if step.op != "_unsafe_view")
    scale = given.batch * (given.length / length if length else 1)
    bytes_kept = kept * scale * itemsize(given.dtype) if work else None
    scores = "; a fused attention keeps no scores" if attends else ""
    note = untraced or (
        f"Every result of the forward pass once, scaled to {_batch(given, length, per)}{scores}."
    )
    yield Row("activations", Heading.SAME, "Activations", bytes_kept, note=note)
    yield _layers(snapshot)
    yield kv_cache(snapshot, given)


def _layers(snapshot: Snapshot) -> Row:
    kinds = {"layers": "Layers run", "cells": "Steps run"}
    for kind, title in kinds.items():
        found = [stack for stack in stacks(snapshot) if stack_kind(stack) == kind]
        if found:
            run = sum(len(passes(snapshot, stack)) for stack in found)
            return Row("layers", Heading.SAME, title, run, "layers", note="Blocks that run in one pass.")
    note = "No repeated layers found."
    return Row("layers", Heading.SAME, "Layers run", None, "layers", note=note, absent=True)


def _batch(given: Assumptions, length: int | None, per: str) -> str:
    return f"batch {given.batch} × {given.length:,} {per}s" if length else f"batch {given.batch}"


def kv_cache(snapshot: Snapshot, given: Assumptions | None = None) -> Row:
    """Return the row of the cache of keys and values, under the sharing of them that is assumed."""
    given = given or Assumptions()
    found = kv_cached(snapshot, heads=given.kv_heads, layers=given.kv_layers)
    heading = Heading.KV if given.shares_kv and not found.absent else Heading.SAME
    value = None if found.elements is None else found.elements * itemsize(given.kv_dtype)
    note = found.note if value is None else f"{found.note} {given.kv_dtype}."
    return Row("kv_cache", heading, "KV cache", value, per="token", note=note, absent=found.absent)


def _estimate(snapshot: Snapshot, given: Assumptions) -> Row:
    if not any(stack_kind(stack) == "layers" for stack in stacks(snapshot)):
        note = "The fit is for models of repeated layers."
        return Row("acts_like", Heading.ESTIMATE, "Acts like", None, "parameters", note=note, absent=True)
    if not covered(snapshot):
        note = "The fit is for layers that run again, not for weights made of products, mixtures or hashes."
        return Row("acts_like", Heading.ESTIMATE, "Acts like", None, "parameters", note=note)
    found = capacity(snapshot, given.phi)
    repeats = f"{found.most_repeats:g}"
    note = (
        f"Inside the fit, 1 to {FITTED} repeats."
        if found.inside
        else f"{repeats} repeats; the fit covers 1 to {FITTED}. Treat as a guess."
    )
    return Row("acts_like", Heading.ESTIMATE, "Acts like", found.acts_like, "parameters", note=note)
