"""Layers that slide: convolutions over places and over images, and pooling."""

from __future__ import annotations

from shareviz.kinds._base import Call, Kind, Misfit, Shape, Sizes, following, need, then, whole, wide
from shareviz.options import Option

_KERNEL = Option("kernel", "Kernel", 3, 1, 64, help="How many places, or pixels a side, it sees at once.")
_STRIDE = Option("stride", "Stride", 1, 1, 64, help="How far it moves from one answer to the next.")
_CHANNELS = wide("Channels", default=16, help="How many channels it gives.")


def _slid(size: int, kernel: int, stride: int) -> int:
    """Return how many answers a kernel gives that may reach half its length beyond both ends."""
    return (size + 2 * (kernel // 2) - kernel) // stride + 1


def _over_places(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "sequence", way="Use conv2d on an image, and put an embedding behind tokens.")
    places = _slid(shape.sizes[0], whole(sizes, "kernel"), whole(sizes, "stride"))
    return Shape((places, whole(sizes, "size")))


def _over_image(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "image", way="Use conv1d on places, or put it before what flattens the image.")
    sides = (_slid(side, whole(sizes, "kernel"), whole(sizes, "stride")) for side in shape.sizes[1:])
    return Shape((whole(sizes, "size"), *sides))


def _conv(name: str, shape: Shape, sizes: Sizes) -> Call:
    kernel, stride = whole(sizes, "kernel"), whole(sizes, "stride")
    said = [("stride", stride)] if stride > 1 else []
    given = (shape.wide, whole(sizes, "size"), kernel)
    name = "nn.Conv2d" if name == "Conv2d" and not following(sizes) else name
    return Call(name, given, (*said, ("padding", kernel // 2), *following(sizes)))


def _pooled(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "sequence", "image", way="Leave it out: there are no places to pool.")
    window = whole(sizes, "window")
    along = shape.sizes[1:] if shape.what == "image" else shape.sizes[:1]
    if min(along) < window:
        raise Misfit(f"its window of {window} is wider than what comes in", f"Set window to {min(along)}.")
    less = tuple(side // window for side in along)
    return Shape((shape.wide, *less) if shape.what == "image" else (*less, shape.wide))


def _pool(shape: Shape, sizes: Sizes) -> Call:
    name = "MaxPool" if sizes["how"] == "max" else "AvgPool"
    return Call(f"nn.{name}2d" if shape.what == "image" else f"{name}1d", (whole(sizes, "window"),))


KINDS = (
    Kind(
        "conv1d",
        "Convolution 1d",
        "One kernel slides over the places.",
        (_CHANNELS, _KERNEL, _STRIDE, then()),
        _over_places,
        lambda shape, sizes: _conv("Conv1d", shape, sizes),
        "Waibel et al. (1989), Phoneme recognition using time-delay neural networks, section II",
        "conv",
        9,
    ),
    Kind(
        "conv2d",
        "Convolution 2d",
        "One kernel slides over the image.",
        (_CHANNELS, _KERNEL, _STRIDE, then()),
        _over_image,
        lambda shape, sizes: _conv("Conv2d", shape, sizes),
        "LeCun et al. (1989), Generalization and network design strategies, section 5",
        "conv",
        8,
    ),
    Kind(
        "pool",
        "Pooling",
        "Neighbours become one: their maximum or their mean.",
        (
            Option("window", "Window", 2, 1, 64, help="How many neighbours, along each side, become one."),
            Option("how", "How", "max", choices=("max", "mean"), help="What is kept of them."),
        ),
        _pooled,
        _pool,
        "LeCun et al. (1998), Gradient-based learning applied to document recognition, section II.A",
        "pool",
        10,
        weights=False,
    ),
)
