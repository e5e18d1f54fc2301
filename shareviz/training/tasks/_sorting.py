"""Lists of numbers and the same in order, and the encoder that puts them there: what both sizes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from shareviz.training.tasks import _base as base

BATCH = 32
_TESTED = 1000


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of `length` numbers below `values`; `task` is what they are drawn for."""

    task: str
    length: int
    values: int

    @property
    def model(self) -> str:
        """The encoder, four layers of width 32, as catalogue text."""
        return (
            f"encoder?layers=4&width=32&heads=4&vocab={self.values}&context={self.length}&segments=0"
            f"&norm=before&output=tokens&classes={self.values}"
        )

    @property
    def sets(self) -> Mapping[str, base.EvalSet]:
        """The lists that are not trained on."""
        return {"test": base.EvalSet(f"{self.length} of {self.values} values", partial(self.draw, _TESTED))}

    @property
    def metric(self) -> base.Metric:
        """The share of places that hold the right number."""
        return base.Metric(
            "accuracy", "Accuracy", base.accuracy, chance=1 / self.values, best=1.0, solved=0.99
        )

    def draw(self, count: int, *key: int | str) -> base.Batch:
        """Return so many lists of a key, and each in order."""
        numbers = base.generator(self.task, *key).integers(0, self.values, (count, self.length))
        return base.Batch(numbers, np.sort(numbers, axis=1))

    def train(self, seed: int, step: int) -> base.Batch:
        """Return the batch of a step."""
        return self.draw(BATCH, "train", seed, step)
