"""Models that can be built: one file for each family, all with nothing shared.

A model is written as text, the same in a link and a command: `language_model?layers=6&width=128`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from shareviz.drawing import drawing
from shareviz.errors import OptionError
from shareviz.models._base import Model
from shareviz.options import Value, parse, settle, unparse
from shareviz.plugins import collect
from shareviz.snapshot import Snapshot, Source
from shareviz.text import clean

if TYPE_CHECKING:
    import torch
    from torch import nn


@functools.cache
def catalogue() -> Mapping[str, Model]:
    """Return every family by name."""
    return collect(sys.modules[__name__], "MODEL", Model)


def settled(text: str) -> tuple[str, Mapping[str, Value]]:
    """Return the family's name and the value of each of its options.

    Raises:
        OptionError: An unknown family or option, a value out of range, or values that do not go together.
    """
    name, given = parse(text)
    model = catalogue().get(name)
    if model is None:
        raise OptionError(
            f"There is no model {clean(name, 40)!r}.", hint=f"The models are: {', '.join(catalogue())}."
        )
    values = settle(model.options, given)
    if model.check is not None:
        model.check(values)
    return name, values if model.spelled is None else model.spelled(values)


def canonical(text: str) -> str:
    """Return the one spelling of a model: options in their order, defaults left out.

    Example:
        >>> canonical("language_model?width=128&heads=4&layers=12")
        'language_model?width=128&heads=4'
    """
    name, values = settled(text)
    return unparse(name, catalogue()[name].options, values)


def title_of(text: str) -> str:
    """Return what the page calls a model: Language model, 12 layers."""
    name, values = settled(text)
    model = catalogue()[name]
    if model.titled is not None:
        return model.titled(values)
    if not model.counted:
        return model.title
    noun = model.counted[0].rpartition("_")[2]
    counts = [values[option] for option in model.counted]
    one = counts == [1]
    return f"{model.title}, {' + '.join(map(str, counts))} {noun.removesuffix('s') if one else noun}"


def build(text: str, *, device: str | torch.device = "meta", seed: int = 0) -> nn.Module:
    """Return the module, by default without memory or values, on meta.

    On a real device its values come from `seed` alone: they are drawn on the CPU, so every device
    starts alike, and torch's global generator is left as it was.

    Raises:
        OptionError: As `settled`.
    """
    import torch

    name, values = settled(text)
    where = torch.device(device)
    with ExitStack() as stack:
        if where.type != "meta":
            stack.enter_context(drawing(seed))
        stack.enter_context(torch.device("meta" if where.type == "meta" else "cpu"))
        module = catalogue()[name].build(values)
    return module if where.type in ("meta", "cpu") else module.to(where)


def inputs_of(text: str, *, device: str | torch.device = "meta") -> tuple[torch.Tensor, ...]:
    """Return zeros that the model's forward pass takes, batch 1."""
    import torch

    name, values = settled(text)
    with torch.device(device):
        return catalogue()[name].inputs(values)


def snapshot_of(text: str) -> Snapshot:
    """Return the model as data, with the steps of its forward pass; nothing is computed.

    Raises:
        OptionError: As `settled`.
    """
    from shareviz.trace import traced

    given = inputs_of(text)
    seen = traced(build(text), *given)
    facts = [("model", canonical(text))]
    if given[0].dim() in (2, 3) and (given[0].dim() == 3 or not given[0].is_floating_point()):
        facts.append(("length", str(given[0].shape[1])))  # tokens, or (batch, time, inputs)
    return replace(seen, source=Source("catalogue", title_of(text), seen.source.notes, tuple(facts)))
