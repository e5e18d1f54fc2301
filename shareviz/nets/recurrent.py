"""Recurrent classifiers unrolled: a cell for each step, which ties turn into one cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CellClassifier(nn.Module):
    """Step `t` runs cell `t`; beyond the last cell the list starts again.

    So it can be run on longer sequences than it has cells. The head reads the last state, or every one.
    """

    def __init__(
        self, cells: list[nn.GRUCell] | list[nn.LSTMCell], outputs: int, *, every: bool = False
    ) -> None:
        super().__init__()
        self.every = every
        self.cells = nn.ModuleList(cells)
        self.width = cells[0].hidden_size
        self.head = nn.Linear(self.width, outputs)

    def forward(self, x: Tensor) -> Tensor:  # (batch, time, inputs)
        states = self.states(x)
        logits: Tensor = self.head(states if self.every else states[:, -1])  # (batch[, time], outputs)
        return logits

    def states(self, x: Tensor) -> Tensor:
        """Return the state after every step, (batch, time, width)."""
        raise NotImplementedError

    def _start(self, x: Tensor) -> Tensor:
        return x.new_zeros(x.shape[0], self.width)


class GRUClassifier(CellClassifier):
    """A GRU with a cell for each step."""

    def __init__(self, inputs: int, width: int, *, steps: int, outputs: int, every: bool = False) -> None:
        super().__init__([nn.GRUCell(inputs, width) for _ in range(steps)], outputs, every=every)

    def states(self, x: Tensor) -> Tensor:
        state, states = self._start(x), []
        for t in range(x.shape[1]):
            state = self.cells[t % len(self.cells)](x[:, t], state)  # (batch, width)
            states.append(state)
        return torch.stack(states, dim=1)


class LSTMClassifier(CellClassifier):
    """An LSTM with a cell for each step."""

    def __init__(self, inputs: int, width: int, *, steps: int, outputs: int, every: bool = False) -> None:
        super().__init__([nn.LSTMCell(inputs, width) for _ in range(steps)], outputs, every=every)

    def states(self, x: Tensor) -> Tensor:
        state, memory, states = self._start(x), self._start(x), []
        for t in range(x.shape[1]):
            state, memory = self.cells[t % len(self.cells)](x[:, t], (state, memory))  # (batch, width) each
            states.append(state)
        return torch.stack(states, dim=1)
