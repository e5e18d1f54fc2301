"""Layers that treat every place alike: linear, an activation, a norm, the output head."""

from __future__ import annotations

from shareviz.kinds._base import THEN, Call, Kind, Misfit, Shape, Sizes, following, need, then, whole, wide
from shareviz.options import Option

_ACTIVATIONS = {"relu": "nn.ReLU", "gelu": "nn.GELU", "silu": "nn.SiLU", "tanh": "nn.Tanh"}
_ACTIVATIONS["sigmoid"] = "nn.Sigmoid"
_FLAT = "Put flatten or reduce before it."


def _widened(shape: Shape, sizes: Sizes) -> Shape:
    if shape.tokens:
        raise Misfit("it takes numbers", "Put an embedding before it.")
    need(shape, "numbers", "sequence", way=_FLAT)
    return Shape((*shape.sizes[:-1], whole(sizes, "size")))


def _linear(shape: Shape, sizes: Sizes) -> Call:
    call = "Linear" if following(sizes) else "nn.Linear"
    return Call(call, (shape.wide, whole(sizes, "size")), following(sizes))


def _head(shape: Shape, sizes: Sizes) -> Call:
    return Call("nn.Linear", (shape.wide, whole(sizes, "size")))


def _kept(shape: Shape, sizes: Sizes) -> Shape:
    if shape.tokens:
        raise Misfit("it takes numbers", "Put an embedding before it.")
    return shape


def _activation(shape: Shape, sizes: Sizes) -> Call:
    return Call(_ACTIVATIONS[str(sizes["which"])])


def _normed(shape: Shape, sizes: Sizes) -> Shape:
    if sizes["which"] == "batch":
        need(shape, "numbers", "image", way="Set which to layer.")
    else:
        need(shape, "numbers", "sequence", way="Set which to batch." if shape.what == "image" else _FLAT)
    return shape


def _norm(shape: Shape, sizes: Sizes) -> Call:
    batch = "nn.BatchNorm2d" if shape.what == "image" else "nn.BatchNorm1d"
    name = {"layer": "nn.LayerNorm", "rms": "nn.RMSNorm", "batch": batch}[str(sizes["which"])]
    return Call(name, (shape.wide,))


KINDS = (
    Kind(
        "linear",
        "Linear",
        "A weighted sum of all numbers, at every place alike.",
        (wide(), then()),
        _widened,
        _linear,
        "Rumelhart, Hinton and Williams (1986), Nature 323, equation 1",
        "dense",
        2,
    ),
    Kind(
        "activation",
        "Activation",
        "A function that every number passes.",
        (Option("which", "Which", "relu", choices=THEN[1:], help="Which function it is."),),
        _kept,
        _activation,
        "Nair and Hinton (2010), Rectified linear units, section 2",
        "activation",
        3,
        weights=False,
    ),
    Kind(
        "norm",
        "Norm",
        "Brings numbers to one scale, with a learned gain.",
        (
            Option(
                "which",
                "Which",
                "layer",
                choices=("layer", "rms", "batch"),
                help="Over the numbers of a place (layer, rms), or over a batch.",
            ),
        ),
        _normed,
        _norm,
        "Ba et al. (2016), arXiv 1607.06450; Zhang and Sennrich (2019), arXiv 1910.07467; "
        "Ioffe and Szegedy (2015), arXiv 1502.03167",
        "norm",
        4,
    ),
    Kind(
        "head",
        "Output head",
        "Reads the answers off: a number for each class.",
        (wide("Classes", default=10, help="How many numbers are read off."),),
        _widened,
        _head,
        "Press and Wolf (2017), arXiv 1608.05859, section 1: the output embedding",
        "head",
        20,
    ),
)
