"""What sharing shrinks and what it does not, in bytes and operations, under stated assumptions.

Two headings keep them apart: what follows the stored parameters shrinks; what follows the used
parameters and the layers that run stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod

from shareviz.assumptions import OPTIMIZERS, Assumptions
from shareviz.capacity import FITTED, capacity, covered
from shareviz.layers import passes, stacks
from shareviz.roles import Role, roles
from shareviz.sharing import Tally, readers, tally
from shareviz.snapshot import Snapshot, itemsize
from shareviz.strategies import stack_kind
from shareviz.strategies.embeddings import token_heads
from shareviz.strategies.grouped import key_values
from shareviz.text import count, percent, plural, size, smaller


class Heading(StrEnum):
    """The three parts of a ledger."""

    SHRINKS = "Shrinks"
    SAME = "Stays the same"
    ESTIMATE = "Estimate"


FOLLOWS: Mapping[Heading, str] = {
    Heading.SHRINKS: "follows stored parameters",
    Heading.SAME: "follows used parameters and layers",
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
    yield _cache(snapshot, given)
    yield _layers(snapshot)


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


def _cache(snapshot: Snapshot, given: Assumptions) -> Row:
    def row(value: float | None, note: str) -> Row:
        return Row("kv_cache", Heading.SAME, "KV cache", value, per="token", note=note)

    if not _writes(snapshot):
        return replace(row(None, "Only a model that writes tokens one by one keeps these."), absent=True)
    calls = _calls(snapshot)
    elements = 0
    for part in key_values(snapshot):
        if part.name.endswith("bias") or _reads_all_at_once(part.attention):
            continue
        if part.layout != "single" and part.outputs % 3:
            return row(None, "A fused projection does not say how wide its keys are.")
        wide = part.outputs if part.layout == "single" else 2 * part.outputs // 3
        elements += wide * calls(part.name)
    if not elements:
        return row(None, "No key and value projections found.")
    note = f"Keys and values of every layer that runs, {given.kv_dtype}. Sharing weights shares no cache."
    return row(elements * itemsize(given.kv_dtype), note)


def _writes(snapshot: Snapshot) -> bool:
    """Whether the model predicts tokens one after the other, as far as its head and class say."""
    root = snapshot.modules[0].cls if snapshot.modules else ""
    return bool(token_heads(snapshot)) and not re.search(r"Encoder$|Bert|MaskedLM|Electra", root)


def _reads_all_at_once(path: str) -> bool:
    """Whether attention stands in an encoder or looks at one: its keys do not grow with the output."""
    return bool(re.search(r"(^|\.)(encoder|cross\w*|encdec\w*)(\.|$)", path.lower()))


def _calls(snapshot: Snapshot) -> Callable[[str], int]:
    """Return a function from a name to how often the forward pass runs its module, 1 if not traced."""
    seen: dict[str, set[tuple[str, int]]] = {}
    for step in snapshot.steps or ():
        if not step.makes:
            for name, _ in step.reads:
                seen.setdefault(name, set()).add((step.module, step.call))
    return lambda name: len(seen[name]) if name in seen else 1


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
