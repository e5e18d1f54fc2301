"""Weights that a module computes at each access: which, from what, and of what shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shareviz.forms import Form


class Made(nn.Module):
    """The parametrization of one of our forms: holds every piece but the first.

    Its parameters are the other pieces, by name; torch keeps the first as `original`.
    """

    def __init__(self, form: Form, shape: tuple[int, ...], others: dict[str, nn.Parameter]) -> None:
        super().__init__()
        self.form = form
        self.shape = shape
        for name, piece in others.items():
            self.register_parameter(name, piece)

    def forward(self, first: torch.Tensor) -> torch.Tensor:
        name = next(iter(self.form.pieces(self.shape)))
        made: torch.Tensor = self.form.make({name: first, **self._parameters}, self.shape)
        return made


@dataclass(frozen=True, slots=True)
class Plumbing:
    """One derived weight of a module: the attribute, its form, and the tensors that it reads.

    `inner` are (name, tensor) pairs that live in torch's parametrization modules; names are
    relative to the host. Old-style hooks keep theirs in the host itself: `inner` is then empty.
    """

    host: nn.Module
    attribute: str
    form: Form | str
    inner: tuple[tuple[str, torch.Tensor], ...]
    reads: tuple[str, ...]

    def shape(self, clone: Callable[..., nn.Module]) -> tuple[int, ...]:
        """Return the shape of the weight, never evaluating a foreign parametrization in place.

        spectral_norm changes its buffers when it is evaluated, so that runs on a meta clone.
        """
        if isinstance(self.form, Form):
            made: Any = self.host.parametrizations[self.attribute][0]  # type: ignore[index]
            return tuple(made.shape)
        if not self.inner:
            return tuple(self.host.__dict__[self.attribute].shape)
        with torch.no_grad():
            pipe = clone(self.host.parametrizations[self.attribute], "meta").eval()  # type: ignore[index]
            return tuple(pipe().shape)


def is_parametrized(module: nn.Module) -> bool:
    """Whether torch keeps parametrizations in this module; its own test asks four times as long."""
    return "parametrizations" in module._modules


def plumbing(module: nn.Module) -> tuple[Plumbing, ...]:
    """Return the derived weights of a module in the order in which they were registered."""
    if not (is_parametrized(module) or module._forward_pre_hooks):
        return ()
    return (*_parametrized(module), *_hooked(module))


def _parametrized(module: nn.Module) -> Iterator[Plumbing]:
    if not is_parametrized(module):
        return
    for attribute, pipe in module.parametrizations.items():  # type: ignore[operator, union-attr]
        prefix = f"parametrizations.{attribute}."
        inner = [(prefix + name, tensor) for name, tensor in pipe.named_parameters(remove_duplicate=False)]
        inner += [(prefix + name, tensor) for name, tensor in pipe.named_buffers(remove_duplicate=False)]
        ours = isinstance(pipe[0], Made) and len(pipe) == 1
        form = pipe[0].form if ours else " + ".join(type(step).__name__.lstrip("_") for step in pipe)
        reads = tuple(name for name, tensor in inner if isinstance(tensor, nn.Parameter))
        yield Plumbing(module, attribute, form, tuple(inner), reads)


def _hooked(module: nn.Module) -> Iterator[Plumbing]:
    """Find weights of torch's older hooks: pruning, spectral_norm and weight_norm before 2.0."""
    if not module._forward_pre_hooks:  # each of them recomputes its weight in one
        return
    for attribute, value in module.__dict__.items():
        if not isinstance(value, torch.Tensor):
            continue
        for suffixes, form in ((("_orig", "_mask"), "pruned"), (("_g", "_v"), "weight_norm")):
            reads = tuple(attribute + suffix for suffix in suffixes)
            if all(name in module._parameters or name in module._buffers for name in reads):
                yield Plumbing(module, attribute, form, (), reads)
        if attribute + "_orig" in module._parameters and attribute + "_u" in module._buffers:
            yield Plumbing(module, attribute, "spectral_norm", (), (attribute + "_orig",))
