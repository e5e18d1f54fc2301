"""A GRU with a cell for each step; one cell for all steps is a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.models import _recurrent

if TYPE_CHECKING:
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.recurrent import GRUClassifier

    return GRUClassifier(
        base.whole(values, "inputs"),
        base.whole(values, "width"),
        steps=base.whole(values, "steps"),
        outputs=base.whole(values, "outputs"),
        every=values["output"] == "each",
    )


MODEL = base.Model(
    title="GRU over time",
    summary="Reads a sequence step by step with a cell for each step; answers from the last state or each.",
    options=_recurrent.OPTIONS,
    build=_build,
    inputs=_recurrent.inputs,
    source="Cho et al. (2014), arXiv 1406.1078, section 2.3",
    counted=("steps",),
)
