"""Tables: a vector for each token, and for each position."""

from __future__ import annotations

from shareviz.kinds._base import Call, Kind, Misfit, Shape, Sizes, need, whole, wide
from shareviz.options import Option


def _looked_up(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "tokens", way="Make it the first row, and let tokens come in.")
    return Shape((*shape.sizes, whole(sizes, "size")))


def _table(shape: Shape, sizes: Sizes) -> Call:
    return Call("table", (whole(sizes, "tokens"), whole(sizes, "size")))


def _places(shape: Shape, sizes: Sizes) -> int:
    return whole(sizes, "places") or shape.sizes[0]


def _placed(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "sequence", way="Put an embedding before it.")
    if _places(shape, sizes) < shape.sizes[0]:
        raise Misfit(
            f"it has vectors for {_places(shape, sizes)} places only",
            f"Set places to {shape.sizes[0]}, or to 0: all that come in.",
        )
    return shape


def _positions(shape: Shape, sizes: Sizes) -> Call:
    return Call("Positions", (_places(shape, sizes), shape.wide))


KINDS = (
    Kind(
        "embedding",
        "Embedding",
        "A vector for each token.",
        (
            Option("tokens", "Tokens", 100, 1, 262_144, help="How many tokens have a vector of their own."),
            wide(help="How many numbers a vector has."),
        ),
        _looked_up,
        _table,
        "Bengio et al. (2003), A neural probabilistic language model, section 2",
        "embedding",
        0,
    ),
    Kind(
        "positions",
        "Positions",
        "Adds a learned vector to each place.",
        (
            Option(
                "places",
                "Places",
                0,
                0,
                131_072,
                help="How many places have a vector; 0: all that come in.",
            ),
        ),
        _placed,
        _positions,
        "Gehring et al. (2017), arXiv 1705.03122, section 3.1",
        "positions",
        1,
    ),
)
