"""Layers without weights that change what a place is: reduce, flatten, and an image as a sequence."""

from __future__ import annotations

from math import prod

from shareviz.kinds._base import Call, Kind, Misfit, Shape, Sizes, need
from shareviz.options import Option


def _reduced(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "sequence", "image", way="Leave it out: there is one place already.")
    if shape.what == "image" and sizes["how"] in ("first", "last"):
        raise Misfit(f"an image has no {sizes['how']} place", "Set how to mean or max.")
    return Shape((shape.wide,))


def _reduce(shape: Shape, sizes: Sizes) -> Call:
    over = (("image", True),) if shape.what == "image" else ()
    return Call("Reduce", (str(sizes["how"]),), over)


def _flat(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "sequence", "image", way="Leave it out: what comes in is flat already.")
    return Shape((prod(shape.sizes),))


def _read_as_places(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "image", way="Leave it out: only an image is turned into places.")
    channels, height, width = shape.sizes
    return Shape((height * width, channels))


KINDS = (
    Kind(
        "reduce",
        "One of all places",
        "All places become one: their mean, maximum, first or last.",
        (
            Option(
                "how",
                "How",
                "mean",
                choices=("mean", "max", "first", "last"),
                help="What is kept of all places.",
            ),
        ),
        _reduced,
        _reduce,
        "Lin et al. (2013), arXiv 1312.4400, section 3.2",
        "reduce",
        11,
        weights=False,
    ),
    Kind(
        "flatten",
        "Flatten",
        "All numbers in one row.",
        (),
        _flat,
        lambda shape, sizes: Call("nn.Flatten"),
        "LeCun et al. (1998), Gradient-based learning applied to document recognition, section II.B",
        "flatten",
        12,
        weights=False,
    ),
    Kind(
        "sequence",
        "Image as places",
        "Reads the pixels of an image one after the other.",
        (),
        _read_as_places,
        lambda shape, sizes: Call("Places"),
        "Dosovitskiy et al. (2020), arXiv 2010.11929, section 3.1",
        "sequence",
        13,
        weights=False,
    ),
)
