"""Operators for several members at once, where `torch.vmap` has no rule or a slow one.

They compute what torch's own compute, for all members in one call. Models do not know of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

# what a call is recognised by, taken before anything can replace it
_LINEAR, _ATTENTION = F.linear, F.scaled_dot_product_attention
_PLAIN = {"is_causal"}  # options of attention that need no care


class Operators(TorchFunctionMode):
    """While it is entered, inside a function under vmap, those calls take all members together."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        if func is _LINEAR:
            return linear(*args, **options)
        if func is torch.gru_cell:
            return gru_cell(*args, **options)
        if func is torch.lstm_cell:
            return lstm_cell(*args, **options)
        if func is _ATTENTION:
            return attention(*args, **options)
        return func(*args, **options)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `F.linear`; vmap alone multiplies one matrix for each example in place of each member."""
    made: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return made


def attention(q: Tensor, k: Tensor, v: Tensor, *rest: Any, **options: Any) -> Tensor:
    """Return attention by the same kernel as for one member, the members joined to its batch.

    With a mask or another option it is spelled out in matrix products, which vmap knows.
    """
    if rest or set(options) - _PLAIN or q.dim() != 4 or k.dim() != 4:
        with sdpa_kernel(SDPBackend.MATH):
            return _ATTENTION(q, k, v, *rest, **options)
    made: Tensor = _Attention.apply(q, k, v, options.get("is_causal", False))  # type: ignore[no-untyped-call]
    return made


def gru_cell(
    x: Tensor,  # (batch, inputs)
    state: Tensor,  # (batch, width)
    weights: Tensor,  # (3 · width, inputs): reset, update, new
    recurrent: Tensor,  # (3 · width, width)
    *biases: Tensor | None,
) -> Tensor:
    """Return the next state of `torch.gru_cell`, for which vmap has no rule."""
    first, second = biases or (None, None)
    r, z, n = linear(x, weights, first).chunk(3, 1)
    by_r, by_z, by_n = linear(state, recurrent, second).chunk(3, 1)
    reset, update = torch.sigmoid(r + by_r), torch.sigmoid(z + by_z)
    new = torch.tanh(n + reset * by_n)
    return (state - new) * update + new  # (batch, width)


def lstm_cell(
    x: Tensor,  # (batch, inputs)
    states: Sequence[Tensor],  # state and memory, (batch, width) each
    weights: Tensor,  # (4 · width, inputs): input, forget, new, output
    recurrent: Tensor,  # (4 · width, width)
    *biases: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return the next state and memory of `torch.lstm_cell`, for which vmap has no rule."""
    first, second = biases or (None, None)
    state, memory = states
    gates = linear(x, weights, first) + linear(state, recurrent, second)
    take, keep, new, show = gates.chunk(4, 1)
    memory = torch.sigmoid(keep) * memory + torch.sigmoid(take) * torch.tanh(new)
    return torch.sigmoid(show) * torch.tanh(memory), memory


class _Joined(torch.autograd.Function):
    """Base of what is only called under vmap: its rule runs torch's own operators, which know gradients."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing: gradients are those of the operators in `vmap`."""


class _Linear(_Joined):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _LINEAR(x, weight, bias)

    @staticmethod
    def vmap(
        info: Any, dims: Sequence[int | None], x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, int]:
        x, weight = (_first(t, d, info.batch_size) for t, d in zip((x, weight), dims, strict=False))
        rows = x.flatten(1, -2) if x.dim() > 2 else x[:, None]  # (members, rows, inputs)
        if bias is None:
            made = torch.bmm(rows, weight.mT)
        else:
            made = torch.baddbmm(_first(bias, dims[2], info.batch_size)[:, None], rows, weight.mT)
        return made.reshape(*x.shape[:-1], -1), 0


class _Attention(_Joined):
    @staticmethod
    def forward(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
        return _ATTENTION(q, k, v, is_causal=causal)

    @staticmethod
    def vmap(
        info: Any, dims: Sequence[int | None], q: Tensor, k: Tensor, v: Tensor, causal: bool
    ) -> tuple[Tensor, int]:
        parts = zip((q, k, v), dims, strict=False)
        q, k, v = (_first(part, dim, info.batch_size).flatten(0, 1) for part, dim in parts)
        made = _ATTENTION(q, k, v, is_causal=causal)  # (members · batch, heads, length, head_dim)
        return made.reshape(info.batch_size, -1, *made.shape[1:]), 0


def _first(tensor: Tensor, dim: int | None, members: int) -> Tensor:
    """Return a tensor with its members along the first axis."""
    return tensor.expand(members, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
