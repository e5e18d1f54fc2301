"""What a catalogue entry is, and the turns that several entries share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shareviz.errors import OptionError
from shareviz.options import Option, Value

if TYPE_CHECKING:
    import torch
    from torch import nn

    from shareviz.nets.blocks import BlockShape

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Model:
    """One family that can be built, with nothing shared.

    `build` and `inputs` make their tensors on torch's current default device; `inputs` are zeros
    that the forward pass takes, batch 1. `check` refuses what the options' own bounds let through,
    with an `OptionError`. `counted` names the options that the title counts: "…, 12 layers"; `titled`
    says the whole title instead. `spelled` brings values that mean the same to one spelling.
    `source` is the paper and section that the shape is from.
    """

    title: str
    summary: str
    options: tuple[Option, ...]
    build: Callable[[Values], nn.Module]
    inputs: Callable[[Values], tuple[torch.Tensor, ...]]
    source: str
    check: Callable[[Values], None] | None = None
    counted: tuple[str, ...] = ()
    spelled: Callable[[Values], Values] | None = None
    titled: Callable[[Values], str] | None = None


def whole(values: Values, name: str) -> int:
    """Return the value of an option that holds a whole number."""
    value = values[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} holds {value!r}, not a whole number")
    return value


def layers(default: int = 12, *, name: str = "layers", title: str = "Layers") -> Option:
    """Return the turn for the depth of a stack."""
    return Option(name, title, default, 1, 96, help="How many blocks run, one after the other.")


def width(default: int, *, low: int = 4, step: int = 4) -> Option:
    """Return the turn for the size of a state."""
    return Option(
        "width", "Width", default, low, 16_384, step=step, help="How many numbers describe a position."
    )


def heads(default: int) -> Option:
    """Return the turn for attention heads."""
    return Option("heads", "Heads", default, 1, 128, help="How many attention heads split the width.")


def ffn(default: int = 4) -> Option:
    """Return the turn for the feed-forward width, in multiples of the width."""
    return Option(
        "ffn",
        "Feed-forward",
        default,
        1,
        8,
        help="How many times wider than a state the feed-forward layer is.",
    )


def vocab(default: int) -> Option:
    """Return the turn for the number of tokens."""
    return Option(
        "vocab", "Vocabulary", default, 2, 262_144, help="How many tokens have a vector of their own."
    )


def context(default: int) -> Option:
    """Return the turn for the number of learned positions."""
    return Option(
        "context", "Positions", default, 1, 131_072, help="How many positions have a learned vector."
    )


def biases(default: bool = True) -> Option:
    """Return the turn for biases in Linear layers and norms."""
    return Option("bias", "Biases", default, help="Whether Linear layers and norms add a learned constant.")


def norm(default: str) -> Option:
    """Return the turn for the place of LayerNorm."""
    return Option(
        "norm",
        "Norm",
        default,
        choices=("before", "after"),
        help="Whether a norm stands before each sublayer or after each sum.",
    )


def block_shape(values: Values, *, causal: bool = False, relu: bool = False) -> BlockShape:
    """Return the shape of the blocks that the usual turns describe."""
    from shareviz.nets.blocks import BlockShape

    size = whole(values, "width")
    return BlockShape(
        width=size,
        heads=whole(values, "heads"),
        hidden=size * whole(values, "ffn"),
        bias=bool(values.get("bias", True)),
        causal=causal,
        norm_first=values.get("norm", "before") == "before",
        relu=relu,
    )


def multiple(values: Values, whole_name: str, part_name: str) -> None:
    """Refuse values of which the first is no multiple of the second, and name a way out.

    Raises:
        OptionError: It is none; the hint holds the nearest multiple and a divisor.
    """
    size, part = whole(values, whole_name), whole(values, part_name)
    if size % part:
        near = max(part, round(size / part) * part)
        divisor = next(number for number in range(min(part, size), 0, -1) if size % number == 0)
        raise OptionError(
            f"{whole_name} = {size} is not a multiple of {part_name} = {part}.",
            hint=f"Set {whole_name} to {near}, or {part_name} to {divisor}.",
        )


def check_heads(values: Values) -> None:
    """Refuse a width that the heads do not split evenly."""
    multiple(values, "width", "heads")


def tokens(length: int) -> torch.Tensor:
    """Return a (1, length) tensor of token 0."""
    import torch

    return torch.zeros(1, length, dtype=torch.long)


LENGTH = 8  # tokens of a trace, where the model has room for them
