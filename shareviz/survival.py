"""Does the tie survive? The usual handling of a module, carried out on copies of it."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import parametrizations

from shareviz.capture import capture
from shareviz.checks._base import tie_line
from shareviz.clone import clone
from shareviz.compare import set_members
from shareviz.layers import identity
from shareviz.relations import Relation, between
from shareviz.sets import SharedSet, shared_sets
from shareviz.snapshot import Derived, Module, Snapshot, Tensor
from shareviz.text import clean, count

LARGEST = 50_000_000  # elements; larger modules are not copied a dozen times


class Fate(StrEnum):
    """What became of a tie. Half-tied: one storage still, but two Parameters, or one side computed."""

    KEPT = "kept"
    LOST = "lost"
    HALF = "half-tied"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Step:
    """One way in which modules are handled: `run` does it to a copy and returns what comes out.

    A step on one side of a tie gets the first name of the set in `run`'s second argument.
    """

    name: str
    title: str
    run: Callable[[nn.Module, str], nn.Module]
    one_side: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step did to one set, and why."""

    set_id: str
    step: str
    fate: Fate
    reason: str


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
    repairs = {one.id: _repair(before, one) for one in sets}
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
        return [_outcome(step, one, before, (after, reason)) for one in sets]
    return [_outcome(step, one, before, _after(step, base, _second(before, one))) for one in sets]


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


def _outcome(step: Step, shared: SharedSet, before: Snapshot, found: tuple[Snapshot | None, str]) -> Outcome:
    after, reason = found
    if after is None:
        return Outcome(shared.id, step.name, Fate.NOT_RUN, reason)
    weights = _weights(after)
    worst, why = Fate.KEPT, "every name still reads the same Parameter"
    order = (Fate.KEPT, Fate.HALF, Fate.LOST)
    for names in sorted(set_members(before, shared), key=sorted):
        if len(names) < 2:
            continue
        fate, said = _fate(sorted(names), before, (after, weights))
        if order.index(fate) > order.index(worst):
            worst, why = fate, said
    return Outcome(shared.id, step.name, worst, why)


Weights = Mapping[str, Tensor | Derived]


def _weights(snapshot: Snapshot) -> Weights:
    plain: list[Tensor | Derived] = [*snapshot.tensors, *snapshot.derived]
    return {name: weight for weight in plain for name in snapshot.names_of(weight)}


def _fate(names: list[str], before: Snapshot, after: tuple[Snapshot, Weights]) -> tuple[Fate, str]:
    """Return what became of names that were tied, and the first pair that shows it."""
    snapshot, weights = after
    old = _weights(before)
    gone = [name for name in names if name not in weights]
    if gone:
        return Fate.LOST, f"{clean(gone[0], 60)} is gone"
    first = names[0]
    worst: tuple[Fate, str] = (Fate.KEPT, "")
    for name in names[1:]:
        found = _pair((first, name), snapshot, weights)
        if found[0] is Fate.HALF and _two_objects(old[first], old[name]):
            continue  # it was two Parameters before: nothing was lost
        if found[0] is Fate.LOST:
            return found
        if found[0] is Fate.HALF:
            worst = found
    return worst


def _pair(names: tuple[str, str], snapshot: Snapshot, weights: Weights) -> tuple[Fate, str]:
    a, b = weights[names[0]], weights[names[1]]
    both = f"{clean(names[0], 60)}, {clean(names[1], 60)}"
    if a is b or (isinstance(a, Derived) and isinstance(b, Derived) and _alike(a, b, snapshot)):
        return Fate.KEPT, ""
    if isinstance(a, Derived) or isinstance(b, Derived):
        computed = a if isinstance(a, Derived) else b
        linked = any(between(x, y).shares for x in _read_by(a, snapshot) for y in _read_by(b, snapshot))
        how = f"{clean(computed.name, 60)} is computed from"
        return (Fate.HALF, f"{how} the tied weight") if linked else (Fate.LOST, f"{how} weights of its own")
    found = between(a, b)
    if found is Relation.SAME_OBJECT:
        return Fate.KEPT, ""
    if found.shares:
        return Fate.HALF, f"{both}: two Parameters on one storage, {found}"
    return Fate.LOST, f"{both}: two tensors"


def _alike(a: Derived, b: Derived, snapshot: Snapshot) -> bool:
    return identity(snapshot, a.name) == identity(snapshot, b.name)


def _read_by(weight: Tensor | Derived, snapshot: Snapshot) -> list[Tensor]:
    if isinstance(weight, Tensor):
        return [weight]
    return [snapshot.by_name[name] for name in weight.reads if name in snapshot.by_name]


def _two_objects(a: Tensor | Derived, b: Tensor | Derived) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a is not b and a.object != b.object


def _repair(before: Snapshot, shared: SharedSet) -> str:
    """Return the lines that tie a set again; for several paths to one module, the module's own line."""
    lines = []
    for group in shared.groups:
        lines += [tie_line(name, group[0]) for name in group[1:]]
        if len(group) == 1:
            module = _top(before, before.by_name[group[0]].module)
            lines += [tie_line(alias, module.path) for alias in module.aliases]
    unique = list(dict.fromkeys(lines))
    more = [f"# and {len(unique) - 12} lines more of the same kind"] if len(unique) > 12 else []
    return "\n".join((*unique[:12], *more))


def _top(before: Snapshot, path: str) -> Module:
    """Return the outermost module with as many paths: the object that stands at several places."""
    module = before.by_path[path]
    while module.path:
        above = before.by_path.get(module.path.rpartition(".")[0])
        if above is None or above.paths != module.paths:
            break
        module = above
    return module


def _copied_state(module: nn.Module, _: str) -> nn.Module:
    other = clone(module)
    other.load_state_dict(module.state_dict())
    return other


def _assigned_state(module: nn.Module, _: str) -> nn.Module:
    other = clone(module)
    other.load_state_dict(module.state_dict(), assign=True)
    return other


def _meta_and_back(module: nn.Module, _: str) -> nn.Module:
    return clone(module, "meta").to_empty(device="cpu")


def _safetensors(module: nn.Module, _: str) -> nn.Module:
    from safetensors.torch import load_model, save_model

    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "model.safetensors")
        save_model(module, file)
        other = clone(module)
        load_model(other, file)
    return other


def _pickled(module: nn.Module, _: str) -> nn.Module:
    memory = BytesIO()
    torch.save(module, memory)
    memory.seek(0)
    # the bytes were written above, by this very process: no foreign pickle is read
    loaded: nn.Module = torch.load(memory, weights_only=False)
    return loaded


def _averaged(module: nn.Module, _: str) -> nn.Module:
    from torch.optim.swa_utils import AveragedModel

    inner: nn.Module = AveragedModel(module).module
    return inner


def _host(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, attribute = name.rpartition(".")
    return module.get_submodule(path), attribute


def _spectral(module: nn.Module, name: str) -> nn.Module:
    host, attribute = _host(module, name)
    parametrizations.spectral_norm(host, attribute, dim=0)
    return module


def _weight_norm(module: nn.Module, name: str) -> nn.Module:
    host, attribute = _host(module, name)
    parametrizations.weight_norm(host, attribute)
    return module


def _pruned(module: nn.Module, name: str) -> nn.Module:
    from torch.nn.utils import prune

    host, attribute = _host(module, name)
    prune.l1_unstructured(host, attribute, amount=0.1)  # type: ignore[no-untyped-call]
    return module


STEPS: tuple[Step, ...] = (
    Step("state_dict", "state_dict, copied in", _copied_state),
    Step("deepcopy", "deepcopy", lambda module, _: copy.deepcopy(module)),
    Step("half", "cast to half", lambda module, _: module.half()),
    Step("averaged", "EMA copy", _averaged),
    Step("torch_save", "torch.save, whole", _pickled),
    Step("safetensors", "safetensors", _safetensors),
    Step("assign", "load, assign=True", _assigned_state),
    Step("meta", "to meta", lambda module, _: module.to("meta")),
    Step("to_empty", "meta, to_empty", _meta_and_back),
    Step("spectral_norm", "spectral_norm, one side", _spectral, one_side=True),
    Step("weight_norm", "weight_norm, one side", _weight_norm, one_side=True),
    Step("prune", "prune, one side", _pruned, one_side=True),
)
