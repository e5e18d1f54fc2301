"""Hashing: a fixed hash says which of a few stored numbers each element of a matrix is."""

from __future__ import annotations

import numpy as np

from shareviz.forms import Hashed
from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact, smaller

_SIDE = 8
_MODEL = f"language_model?layers=2&width={_SIDE}&heads=2&vocab=64&context=16"
_MATRIX = "blocks.0.attention.q.weight"
_CHOICES = ("2", "4", "8")


def _scene(ratio: str) -> tuple[Snapshot, Snapshot]:
    return base.scene(_MODEL, f"hashed?ratio={ratio}")


def _uses(snapshot: Snapshot) -> tuple[int, ...]:
    """Return the number of the stored number that each element of the matrix is, by first use."""
    weight = snapshot.derived_by_name.get(_MATRIX)
    if weight is None or not isinstance(weight.form, Hashed):
        return tuple(range(_SIDE**2))
    (buckets,) = weight.form.pieces(weight.shape).values()
    marks = np.arange(1, buckets[0] + 1)  # the bucket, or its negative where the hash turns the sign
    made = weight.form.make({"buckets": marks}, weight.shape)
    return base.dense(int(mark) for mark in np.abs(made).reshape(-1))


def _show(value: Value) -> base.Shown:
    ratio = str(value)
    before, after = _scene(ratio)
    one, many = exact(base.stored(after)), exact(base.stored(before))
    return base.Shown(
        title=f"{ratio} elements to a number: {one} parameters instead of {many}, and the same work",
        model=_MODEL,
        design=f"hashed?ratio={ratio}",
        before=base.Tiles("Each element its own number", _uses(before), _SIDE),
        after=base.Tiles("A hash picks the number of each element", _uses(after), _SIDE),
        bars=base.usual_bars(before, after),
    )


_FALLS = ("It stays the same", "It halves", "It falls with the ratio")


def _predicted(value: Value) -> str:
    before, after = _scene(str(value))
    ratio = base.flops(before) / base.flops(after)
    return _FALLS[0] if ratio == 1 else _FALLS[1] if ratio < 3 else _FALLS[2]


def _why(value: Value) -> str:
    before, after = _scene(str(value))
    old, new = base.stored(before), base.stored(after)
    return (
        f"{exact(base.flops(after))} FLOPs in a pass, {exact(base.flops(before))} without: the whole matrix "
        "is made and multiplied, and looking numbers up comes on top. The model stores "
        f"{smaller(old, new)}, {exact(new)} instead of {exact(old)}: tables, norms and biases are not hashed."
    )


LESSON = base.Lesson(
    name="hashing",
    title="Hashing: a few numbers, many places",
    question="Can elements of one matrix share their numbers?",
    option=Option(
        "ratio", "Elements to a number", "4", choices=_CHOICES, help="How many elements share a number."
    ),
    show=_show,
    mini=base.Tiles("Four numbers in 16 places", (0, 1, 2, 0, 3, 0, 1, 2, 1, 3, 2, 0, 2, 1, 0, 3), 8),
    predict=base.Prediction(
        "A hash lets elements share numbers. What happens to the work of one pass?",
        _FALLS,
        _predicted,
        _why,
    ),
    claims=(
        base.Claim(
            "Hashed weights keep the accuracy of the full matrix.",
            base.Verdict.CONDITION,
            "They mostly keep it, and beat narrower networks of the same size in storage. They save no "
            "work, and reading numbers from scattered places is slow.",
            "Chen et al. (2015), arXiv 1504.04788, abstract; the saved run below",
        ),
    ),
    breaks=(
        "Speed: the matrix is made anew for each pass, from scattered places.",
        "Few numbers: elements that must differ then cannot.",
        "Token tables: two frequent tokens on one stored row get in each other's way.",
    ),
    sources=(
        "Chen et al. (2015), arXiv 1504.04788: HashedNets",
        "Svenstrup et al. (2017), arXiv 1709.03933: hash embeddings",
    ),
    saved="hashed",
    saved_says="A layer of hashed weights and a narrow one that stores as much. A dot is one seed.",
)
