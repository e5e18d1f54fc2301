"""Layers that keep a state from place to place: GRU and LSTM."""

from __future__ import annotations

from shareviz.kinds._base import Call, Kind, Shape, Sizes, need, whole, wide

_WIDTH = wide("State", default=32, help="How many numbers the state holds.")


def _read(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "sequence", way="Put an embedding behind tokens, or sequence behind an image.")
    return Shape((shape.sizes[0], whole(sizes, "size")))


def _called(name: str, shape: Shape, sizes: Sizes) -> Call:
    return Call(name, (shape.wide, whole(sizes, "size")))


KINDS = (
    Kind(
        "gru",
        "GRU",
        "Reads the places in order with one cell and gives its state at each.",
        (_WIDTH,),
        _read,
        lambda shape, sizes: _called("GRU", shape, sizes),
        "Cho et al. (2014), arXiv 1406.1078, section 2.3",
        "gru",
        14,
        over_time=True,
    ),
    Kind(
        "lstm",
        "LSTM",
        "As a GRU, with a memory beside the state.",
        (_WIDTH,),
        _read,
        lambda shape, sizes: _called("LSTM", shape, sizes),
        "Hochreiter and Schmidhuber (1997), Long short-term memory, section 4",
        "lstm",
        15,
        over_time=True,
    ),
)
