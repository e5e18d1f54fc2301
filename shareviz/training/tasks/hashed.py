"""Digits with few stored numbers: a wide layer whose weights share them, or a narrow layer."""

from __future__ import annotations

from shareviz.forms import Hashed
from shareviz.plan import Plan, Rewrite
from shareviz.snapshot import Snapshot
from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _digits as source

BUCKETS = 496  # stored numbers of the first layer, of 64 · 32 weights
_SIZE = 32


def _model(width: int) -> str:
    return f"layers?input=numbers-{source.SIDE**2}&rows=linear-{width}-relu~head"


def _hashed(buckets: int) -> base.Version:
    def plan(snapshot: Snapshot) -> Plan:
        return Plan((Rewrite("dense.weight", Hashed(buckets)),), f"Hashed into {buckets}")

    return base.Version(f"Hashed into {buckets}", plan)


def _train(seed: int, step: int) -> base.Batch:
    draw, known = base.generator("hashed", "train", seed, step), source.parts()["train"]
    chosen = draw.choice(len(known.labels), _SIZE, replace=False)
    return base.Batch(known.images.reshape(len(known.labels), -1)[chosen], known.labels[chosen])


def _held(split: str) -> base.Batch:
    held = source.parts()[split]
    return base.Batch(held.images.reshape(len(held.labels), -1), held.labels)


def _solve(inputs: base.Array) -> base.Array:
    """Take the digit of the nearest picture."""
    return base.one_hot(source.nearest(inputs), source.CLASSES)


TASK = base.Task(
    name="hashed",
    title="Hashed digits",
    question="Does a wide layer with few stored numbers beat a narrow one?",
    over="hashing",
    model=_model(32),
    versions={
        "none": base.Version("Full", base.unshared, note="Each of 64 · 32 weights is a number of its own."),
        "hashed": _hashed(BUCKETS),
        "quarter": _hashed(BUCKETS // 4),
        "narrow": base.Version("Narrow", base.unshared, _model(11), "As many stored parameters as hashed."),
    },
    defaults=("none", "hashed", "narrow"),
    columns=(
        base.Column("Equal parameters", "narrow", ("hashed",)),
        base.Column("Equal depth", "none", ("hashed", "quarter")),
    ),
    draw=_train,
    sets={"test": base.EvalSet("New pictures", _held)},
    main="test",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=0.1, best=495 / 500, solved=0.9),
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=_SIZE, lr=2e-2, rates=(5e-3, 1e-2, 2e-2, 4e-2)),
    shows=(
        "Of equal size in storage, a layer of 32 whose 2,048 weights share 496 numbers does better than a "
        "layer of 11 with numbers of its own. It does the work of the wide layer, so at equal compute it "
        "saves no time."
    ),
    hides=(
        "Such a small layer learns the digits almost completely, so differences are a point or two. Looking "
        "the numbers up costs time that the count of FLOPs does not show."
    ),
    source=f"Chen et al. (2015), arXiv 1504.04788, sections 4 and 6; {source.SOURCE}",
)
