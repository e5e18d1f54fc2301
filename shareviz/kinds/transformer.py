"""Layers of Transformers: attention, feed-forward, and the block of both."""

from __future__ import annotations

from shareviz.kinds._base import Call, Kind, Misfit, Shape, Sizes, need, whole
from shareviz.options import Option

_SOURCE = "Vaswani et al. (2017), arXiv 1706.03762, section 3"
_BEFORE = "Put an embedding, or sequence behind an image, before it."
_HEADS = Option("heads", "Heads", 4, 1, 128, help="How many attention heads split the numbers of a place.")
_TIMES = Option("times", "Times", 4, 1, 16, help="How many times wider its middle is.")
_SEES = Option("sees", "Sees", "all", choices=("all", "past"), help="Which places each place looks at.")
_ADDS = Option(
    "adds", "Adds", "added", choices=("added", "plain"), help="Whether what comes in is added to the answer."
)


def _whole_heads(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "sequence", way=_BEFORE)
    heads = whole(sizes, "heads")
    if shape.wide % heads:
        near = max(heads, round(shape.wide / heads) * heads)
        divisor = next(number for number in range(min(heads, shape.wide), 0, -1) if shape.wide % number == 0)
        raise Misfit(
            f"its {heads} heads do not split {shape.wide} numbers evenly",
            f"Set heads to {divisor}, or the numbers of {{giver}} to {near}.",
        )
    return shape


def _attention(shape: Shape, sizes: Sizes) -> Call:
    causal = (("causal", True),) if sizes["sees"] == "past" else ()
    name = "Attention" if sizes["adds"] == "plain" else "AddedAttention"
    return Call(name, (shape.wide, whole(sizes, "heads")), causal)


def _fed(shape: Shape, sizes: Sizes) -> Shape:
    need(shape, "numbers", "sequence", way="Put flatten, reduce or sequence before it.")
    return shape


def _ffn(shape: Shape, sizes: Sizes) -> Call:
    relu = (("relu", True),) if sizes["then"] == "relu" else ()
    middle = Call("BlockShape", (shape.wide, 1, shape.wide * whole(sizes, "times")), relu)
    return Call("FeedForward" if sizes["adds"] == "plain" else "AddedFeedForward", (middle,))


def _block(shape: Shape, sizes: Sizes) -> Call:
    said = [("causal", True)] if sizes["sees"] == "past" else []
    said += [("norm_first", False)] if sizes["norm"] == "after" else []
    middle = shape.wide * whole(sizes, "times")
    return Call("Block", (Call("BlockShape", (shape.wide, whole(sizes, "heads"), middle), tuple(said)),))


KINDS = (
    Kind(
        "attention",
        "Attention",
        "Each place takes from the others what fits it.",
        (_HEADS, _SEES, _ADDS),
        _whole_heads,
        _attention,
        _SOURCE,
        "attention",
        6,
    ),
    Kind(
        "ffn",
        "Feed-forward",
        "Two linear layers with a wider middle, at every place alike.",
        (
            _TIMES,
            Option("then", "Then", "gelu", choices=("gelu", "relu"), help="What its middle passes."),
            _ADDS,
        ),
        _fed,
        _ffn,
        _SOURCE,
        "ffn",
        7,
    ),
    Kind(
        "block",
        "Transformer block",
        "Attention and feed-forward, each added to what comes in, each with a norm.",
        (
            _HEADS,
            _TIMES,
            _SEES,
            Option(
                "norm",
                "Norm",
                "before",
                choices=("before", "after"),
                help="Where the norms stand: before each part, or after each sum.",
            ),
        ),
        _whole_heads,
        _block,
        _SOURCE,
        "block",
        5,
    ),
)
