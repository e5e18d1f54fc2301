"""A model of rows, one after the other, and the layers that torch has in another shape or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shareviz.nets.blocks import Attention, FeedForward, places


class Layers(nn.Module):
    """Runs its parts in order; a part that is a list runs layer by layer."""

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.children():
            for layer in part if isinstance(part, nn.ModuleList) else (part,):
                x = layer(x)
        return x


def share(reader: nn.Module, owner: nn.Module, *parts: str) -> None:
    """Let a module read the weights of another: all of them, or those whose names begin so."""
    for name, weight in list(owner.named_parameters(remove_duplicate=False)):
        if not parts or name.startswith(parts):
            path, _, attribute = name.rpartition(".")
            setattr(reader.get_submodule(path), attribute, weight)


class Linear(nn.Linear):
    """A linear layer and a function of torch.nn.functional behind it."""

    def __init__(self, inputs: int, outputs: int, *, then: str) -> None:
        super().__init__(inputs, outputs)
        self.then: Callable[[Tensor], Tensor] = getattr(F, then)

    def forward(self, x: Tensor) -> Tensor:  # (…, inputs) → (…, outputs)
        return self.then(super().forward(x))


class Positions(nn.Embedding):
    """Adds a learned vector to each place."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__(rows, width)
        nn.init.normal_(self.weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:  # (batch, places, width) → the same
        return x + super().forward(places(x))


class AddedAttention(Attention):
    """Attention that is added to what comes in."""

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        return x + super().forward(x, memory)


class AddedFeedForward(FeedForward):
    """A feed-forward layer that is added to what comes in."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Conv1d(nn.Conv1d):
    """A convolution over places whose numbers stand last, and a function behind it."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, then: str = "", **sizes: Any) -> None:
        super().__init__(inputs, outputs, kernel, **sizes)
        self.then: Callable[[Tensor], Tensor] | None = getattr(F, then) if then else None

    def forward(self, x: Tensor) -> Tensor:  # (batch, places, inputs) → (batch, places, outputs)
        y: Tensor = super().forward(x.transpose(1, 2)).transpose(1, 2)
        return y if self.then is None else self.then(y)


class Conv2d(nn.Conv2d):
    """A convolution over an image, and a function behind it."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, then: str = "", **sizes: Any) -> None:
        super().__init__(inputs, outputs, kernel, **sizes)
        self.then: Callable[[Tensor], Tensor] | None = getattr(F, then) if then else None

    def forward(self, x: Tensor) -> Tensor:  # (batch, inputs, height, width) → (batch, outputs, …)
        y: Tensor = super().forward(x)
        return y if self.then is None else self.then(y)


class MaxPool1d(nn.MaxPool1d):
    """The maximum of neighbouring places, whose numbers stand last."""

    def forward(self, x: Tensor) -> Tensor:  # (batch, places, width) → (batch, fewer, width)
        y: Tensor = super().forward(x.transpose(1, 2))
        return y.transpose(1, 2)


class AvgPool1d(nn.AvgPool1d):
    """The mean of neighbouring places, whose numbers stand last."""

    def forward(self, x: Tensor) -> Tensor:  # (batch, places, width) → (batch, fewer, width)
        y: Tensor = super().forward(x.transpose(1, 2))
        return y.transpose(1, 2)


class Reduce(nn.Module):
    """One vector of all places: their mean, maximum, first or last; of an image, mean or maximum."""

    def __init__(self, how: str, *, image: bool = False) -> None:
        super().__init__()
        self.how, self.over = how, (2, 3) if image else (1,)

    def forward(self, x: Tensor) -> Tensor:  # (batch, places, width) or (batch, width, …) → (batch, width)
        if self.how in ("first", "last"):
            return x[:, 0 if self.how == "first" else -1]
        return x.mean(self.over) if self.how == "mean" else torch.amax(x, self.over)


class Places(nn.Module):
    """Reads the pixels of an image one after the other."""

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels, height, width) → (batch, places, channels)
        return x.flatten(2).transpose(1, 2)


class GRU(nn.GRU):
    """Reads places in order and gives its state at each."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # (batch, places, inputs) → (…, width)
        states: Tensor = super().forward(x)[0]
        return states


class LSTM(nn.LSTM):
    """Reads places in order and gives its state at each."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # (batch, places, inputs) → (…, width)
        states: Tensor = super().forward(x)[0]
        return states
