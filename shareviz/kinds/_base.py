"""What a kind of layer is: sizes it is given, a shape for a shape, and a call that makes its module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from shareviz.options import Option, Value
from shareviz.text import plural

Sizes = Mapping[str, Value]
THEN = ("none", "relu", "gelu", "silu", "tanh", "sigmoid")


@dataclass(frozen=True, slots=True)
class Shape:
    """What flows between two layers, for one example.

    Its sizes are (length,) for tokens, (numbers,), (places, numbers), or (channels, height, width).
    """

    sizes: tuple[int, ...]
    tokens: bool = False

    @property
    def what(self) -> str:
        """What it is: tokens, numbers, sequence or image."""
        return "tokens" if self.tokens else ("numbers", "sequence", "image")[len(self.sizes) - 1]

    @property
    def wide(self) -> int:
        """How many numbers describe one place, or one pixel."""
        return self.sizes[0] if self.what in ("image", "numbers") else self.sizes[-1]

    @property
    def numel(self) -> int:
        """How many numbers one example has here."""
        return prod(self.sizes)

    def __str__(self) -> str:
        """Return the shape in words.

        Example:
            >>> str(Shape((8,), tokens=True)), str(Shape((8, 64))), str(Shape((3, 28, 28)))
            ('8 tokens', '8 places of 64 numbers', '3 channels of 28×28')
        """
        first, *rest = self.sizes
        if self.what == "image":
            return f"{plural(first, 'channel')} of {rest[0]}×{rest[1]}"
        if self.what == "sequence":
            return f"{plural(first, 'place')} of {plural(rest[0], 'number')}"
        return plural(first, "token" if self.tokens else "number")


class Misfit(ValueError):
    """A shape that a layer cannot take.

    `why` is half a sentence about the layer, `way` says what to change. In `way` the word `{giver}`
    stands for what gives the shape: "row 3", or "the input".
    """

    def __init__(self, why: str, way: str) -> None:
        super().__init__(why)
        self.why, self.way = why, way


@dataclass(frozen=True, slots=True)
class Call:
    """A constructor with its arguments: what is built, and what an exported program says.

    `name` is a class of `torch.nn` ("nn.Linear") or one of ours ("Block"); arguments may be calls.
    """

    name: str
    args: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        """Return the call as Python.

        Example:
            >>> str(Call("nn.Linear", (64, 10), (("bias", False),)))
            'nn.Linear(64, 10, bias=False)'
        """
        said = [_said(value) for value in self.args]
        said += [f"{name}={_said(value)}" for name, value in self.named]
        return f"{self.name}({', '.join(said)})"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of layer; plain data, no torch.

    `gives` returns the shape that comes out for the one that goes in, or raises `Misfit`; `makes`
    returns the call that builds one. `attribute` is its name in the module. `over_time` says that it
    runs once for each place, `weights` that it learns anything. `place` orders the list to choose from.
    """

    name: str
    title: str
    summary: str
    sizes: tuple[Option, ...]
    gives: Callable[[Shape, Sizes], Shape]
    makes: Callable[[Shape, Sizes], Call]
    source: str
    attribute: str
    place: int
    over_time: bool = False
    weights: bool = True


def whole(sizes: Sizes, name: str) -> int:
    """Return a size that is a whole number."""
    value = sizes[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} holds {value!r}, not a whole number")
    return value


def wide(title: str = "Numbers", *, default: int = 64, help: str = "How many numbers it gives.") -> Option:
    """Return the size that says how many numbers a layer gives."""
    return Option("size", title, default, 1, 65_536, help=help)


def then() -> Option:
    """Return the choice of what follows a layer at once."""
    return Option("then", "Then", "none", choices=THEN, help="Which function every number passes behind it.")


def following(sizes: Sizes) -> tuple[tuple[str, Any], ...]:
    """Return the argument that says what follows, where something does."""
    return () if sizes["then"] == "none" else (("then", sizes["then"]),)


def need(shape: Shape, *kinds: str, way: str) -> None:
    """Raise where what comes in is none of these kinds."""
    if shape.what not in kinds:
        known = {"tokens": "tokens", "numbers": "numbers", "sequence": "places", "image": "an image"}
        raise Misfit(f"it takes {' or '.join(known[kind] for kind in kinds)}", way)


def _said(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
