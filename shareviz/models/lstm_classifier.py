"""An LSTM with a cell for each step; one cell for all steps is a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.models import _recurrent

if TYPE_CHECKING:
    from torch import nn


def _build(values: base.Values) -> nn.Module:
    from shareviz.nets.recurrent import LSTMClassifier

    return LSTMClassifier(
        base.whole(values, "inputs"),
        base.whole(values, "width"),
        steps=base.whole(values, "steps"),
        outputs=base.whole(values, "outputs"),
        every=values["output"] == "each",
    )


MODEL = base.Model(
    title="LSTM over time",
    summary="Reads a sequence step by step with a cell for each step; answers from the last state or each.",
    options=_recurrent.OPTIONS,
    build=_build,
    inputs=_recurrent.inputs,
    source="Hochreiter and Schmidhuber (1997), Long Short-Term Memory; gates as in torch.nn.LSTM",
    counted=("steps",),
)
