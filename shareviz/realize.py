"""A plan carried out on a live module, and the way back to plain weights."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn.utils import parametrize

from shareviz.capture import capture
from shareviz.clone import clone, held_tensors, walk
from shareviz.errors import PlanError
from shareviz.forms import Form
from shareviz.parametrized import Made, plumbing
from shareviz.plan import Plan
from shareviz.rewrites import PLAIN, WHOLE, Resolved, Root, resolve
from shareviz.snapshot import Tensor
from shareviz.text import clean


def realize(plan: Plan, module: nn.Module, *, seed: int = 0) -> nn.Module:
    """Return a new module with the plan carried out: `capture(realize(p, m)) == p.apply(capture(m))`.

    The module itself is not changed. A tie keeps the owner's values, `own` keeps the name's own,
    pieces start as their form says, from a generator of (seed, name, piece) alone.

    Raises:
        PlanError: As `Plan.apply`; or a rewritten weight is also kept in a list, which no rewrite
            reaches (a flattened LSTM under a form).
    """
    seen = capture(module)
    resolved = resolve(plan.rewrites, seen)
    if plan.frozen:
        plan.apply(seen)  # refuses a name that is no parameter under the plan
    copy = clone(module)
    host = _Host(getattr(copy, "_orig_mod", copy))
    before = {tensor.name: host.get(tensor) for tensor in seen.tensors if tensor.name in resolved.rewrites}
    made = _memory(resolved, seen.by_name, host, seed)
    for name, rewrite in resolved.rewrites.items():
        tensor = seen.by_name[name]
        pieces = {
            piece: made[resolved.roots[tensor.name, piece]]
            for piece in (rewrite.form.pieces(tensor.shape) if rewrite.form else (WHOLE,))
        }
        if rewrite.form is None:
            host.put(tensor, pieces[WHOLE])
        else:
            host.form(tensor, rewrite.form, pieces)
    _refuse_hidden(before, host.root)
    for name in plan.frozen:
        host.root.get_parameter(name).requires_grad_(False)
    return copy


def bake(module: nn.Module) -> nn.Module:
    """Return a new module whose derived weights are plain Parameters of the same values.

    It computes what the module computes, and a state dict of it loads into the original class.
    Ties of plain weights stay. Derived weights that read the same pieces by the same form stay tied.
    """
    copy = clone(module)
    found = [(current, pipe) for current in walk(copy) for pipe in plumbing(current) if pipe.inner]
    weights: dict[tuple[object, ...], nn.Parameter] = {}
    baked = []
    for current, pipe in found:  # all values first: removing one parametrization mutates what it shared
        how = pipe.form if isinstance(pipe.form, Form) else id(pipe)
        key = (how, *(id(value) for _, value in pipe.inner))
        if key not in weights:
            value = getattr(current, pipe.attribute).detach().clone()
            weights[key] = nn.Parameter(value, requires_grad=any(t.requires_grad for _, t in pipe.inner))
        baked.append((current, pipe, weights[key]))
    for current, pipe, weight in baked:
        _unformed(current, pipe.attribute, weight)
    return copy


def _unformed(module: nn.Module, attribute: str, weight: nn.Parameter) -> None:
    pipe: nn.Module = module.parametrizations[attribute]  # type: ignore[index, assignment]
    for name, original in tuple(pipe._parameters.items()):
        if original is not None:
            pipe._parameters[name] = nn.Parameter(original.detach().clone(), requires_grad=False)
    parametrize.remove_parametrizations(module, attribute, leave_parametrized=True)
    module._parameters[attribute] = weight


class _Host:
    """Reads and writes the attribute that a slot names."""

    def __init__(self, root: nn.Module) -> None:
        self.root = root

    def place(self, slot: Tensor) -> tuple[nn.Module, str]:
        attribute = slot.name[len(slot.module) :].lstrip(".")
        return self.root.get_submodule(slot.module), attribute

    def get(self, slot: Tensor) -> nn.Parameter:
        module, attribute = self.place(slot)
        found = module
        *path, last = attribute.split(".")  # a piece inside parametrizations
        for part in path:
            found = getattr(found, part) if not part.isdigit() else found[int(part)]  # type: ignore[index]
        parameter = found._parameters[last]
        assert parameter is not None
        return parameter

    def put(self, slot: Tensor, parameter: nn.Parameter) -> None:
        module, attribute = self.place(slot)
        setattr(module, attribute, parameter)  # not _parameters: recurrent layers keep a flat list too

    def form(self, slot: Tensor, form: Form, pieces: Mapping[str, nn.Parameter]) -> None:
        module, attribute = self.place(slot)
        (_, original), *others = pieces.items()
        # torch mutates the Parameter that it finds: give it one that nobody else holds
        module._parameters[attribute] = nn.Parameter(torch.empty_like(original))
        made = Made(form, slot.shape, dict(others))
        parametrize.register_parametrization(module, attribute, made, unsafe=True)
        module.parametrizations[attribute]._parameters["original"] = original  # type: ignore[index, union-attr]


def _memory(
    resolved: Resolved, slots: Mapping[str, Tensor], host: _Host, seed: int
) -> dict[Root, nn.Parameter]:
    """Return a Parameter for each root that the plan reads: those that stay, and fresh ones."""
    made: dict[Root, nn.Parameter] = {}
    started: dict[str, dict[str, torch.Tensor]] = {}
    with torch.no_grad():
        for root in resolved.roots.values():
            if root in made:
                continue
            name, piece = root
            slot = slots[name]
            here = host.get(slot)
            if piece == PLAIN:
                made[root] = here
                continue
            form = resolved.rewrites[name].form
            if form is None:
                value = here.detach().clone(memory_format=torch.contiguous_format)
            else:
                if name not in started:
                    started[name] = form.start(here.detach(), draws_for(here, name, seed))
                value = started[name][piece].clone(memory_format=torch.contiguous_format)
            made[root] = nn.Parameter(value, requires_grad=here.requires_grad)
    return made


def draws_for(like: torch.Tensor, name: str, seed: int) -> Callable[[tuple[int, ...]], torch.Tensor]:
    """Return what gives standard normal numbers of a shape, by a name and a seed, in the type of `like`."""
    generator = torch.Generator().manual_seed(_mixed(seed, name))

    def draw(shape: tuple[int, ...]) -> torch.Tensor:
        if like.device.type == "meta":
            return torch.empty(shape, dtype=like.dtype, device="meta")
        # drawn on the CPU in float32, so every device and dtype starts alike
        return torch.randn(shape, generator=generator).to(like)

    return draw


def _mixed(seed: int, name: str) -> int:
    return (seed * 2_654_435_761 + zlib.crc32(name.encode("utf-8", "surrogatepass"))) % 2**63


def _refuse_hidden(before: Mapping[str, nn.Parameter], root: nn.Module) -> None:
    """Raise where a replaced Parameter is still held in a plain list: its reader would not notice."""
    registered = {
        id(tensor) for module in walk(root) for tensor in module._parameters.values() if tensor is not None
    }
    hidden = {id(tensor) for tensor in held_tensors(root)} - registered
    for name, parameter in before.items():
        if id(parameter) in hidden:
            raise PlanError(
                f"{clean(name, 80)} is also kept in a list of its module, which would go on reading it.",
                hint="Share whole weights by ties here, or use cells in place of the fused layer.",
            )
