"""Does the tie survive? The usual handling of a module, carried out on copies of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from shareviz.capture import capture
from shareviz.clone import clone
from shareviz.compare import set_members
from shareviz.sets import SharedSet, shared_sets
from shareviz.snapshot import Snapshot
from shareviz.survival._fates import Fate, Outcome, outcome_of
from shareviz.survival._repairs import repair
from shareviz.survival.steps import STEPS, Step
from shareviz.text import clean, count

__all__ = ["LARGEST", "STEPS", "Fate", "Outcome", "Step", "Survival", "survive"]

LARGEST = 50_000_000  # elements; larger modules are not copied a dozen times


@dataclass(frozen=True, slots=True)
class Survival:
    """The matrix: `outcomes` by set, then by step. `repairs` holds, by set, the lines that tie it again."""

    steps: tuple[str, ...]
    sets: tuple[SharedSet, ...]
    outcomes: tuple[Outcome, ...]
    repairs: Mapping[str, str]

    def row(self, set_id: str) -> tuple[Outcome, ...]:
        """Return the outcomes of one set, by step."""
        return tuple(outcome for outcome in self.outcomes if outcome.set_id == set_id)

    def first_break(self, set_id: str) -> Outcome | None:
        """Return the first step that loses or halves a tie, or None."""
        return next((one for one in self.row(set_id) if one.fate in (Fate.LOST, Fate.HALF)), None)


def survive(module: nn.Module, *, largest: int = LARGEST) -> Survival:
    """Return what the usual handling does to each tie of a module; the module itself is not changed.

    Each step runs on its own copy, and an error in one is its "not run". Values do not matter, so a
    module on meta is given memory first. Sets whose tensors have one name each (a loop over one block)
    hold no tie that could break and are left out.
    """
    before = capture(module)
    sets = tuple(
        shared
        for shared in shared_sets(before)
        if any(len(names) > 1 for names in set_members(before, shared))
    )
    stored = sum(slot.numel for slot in before.tensors)
    if stored > largest:
        reason = f"too large: {count(stored)} elements, at most {count(largest)}"
        outcomes = [Outcome(one.id, step.name, Fate.NOT_RUN, reason) for one in sets for step in STEPS]
    else:
        base = _with_memory(module)
        outcomes = [outcome for step in STEPS for outcome in _outcomes(step, base, before, sets)]
    order = {step.name: place for place, step in enumerate(STEPS)}
    outcomes.sort(key=lambda one: (int(one.set_id[1:]), order[one.step]))
    repairs = {one.id: repair(before, one) for one in sets}
    return Survival(tuple(step.title for step in STEPS), sets, tuple(outcomes), repairs)


def _with_memory(module: nn.Module) -> nn.Module:
    """Return a copy on the CPU with zeros where the module had no values: NaN would disturb no step."""
    on_meta = any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))
    copied = clone(module, "cpu")
    if on_meta:
        with torch.no_grad():
            for tensor in (*copied.parameters(), *copied.buffers()):
                tensor.zero_()
    return copied


def _outcomes(step: Step, base: nn.Module, before: Snapshot, sets: tuple[SharedSet, ...]) -> list[Outcome]:
    if not step.one_side:
        after, reason = _after(step, base, "")
        return [outcome_of(step.name, one, before, (after, reason)) for one in sets]
    return [outcome_of(step.name, one, before, _after(step, base, _second(before, one))) for one in sets]


def _after(step: Step, base: nn.Module, name: str) -> tuple[Snapshot | None, str]:
    try:
        return capture(step.run(clone(base), name)), ""
    except Exception as error:  # noqa: BLE001  foreign modules raise anything; the cell says what
        said = " ".join(str(error).split())
        return None, clean(f"{type(error).__name__}: {said}", 120)


def _second(before: Snapshot, shared: SharedSet) -> str:
    """Return the name on whose side a one-sided step works: the last of the set's largest tie."""
    groups = [group for group in shared.groups if len(group) > 1]
    largest = max(groups, key=lambda group: before.by_name[group[0]].numel, default=shared.groups[0])
    return largest[-1]
