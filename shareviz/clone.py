"""The only copy in the house: keeps every tie and every view.

`copy.deepcopy` breaks two Parameters on one storage, and `.to("meta")` breaks every tie.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

M = TypeVar("M", bound=nn.Module)

COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


def clone(module: M, device: str | torch.device | None = None) -> M:
    """Return an equal module on a device (None: each tensor's own), with all ties and views.

    Each storage is copied once and every tensor on it is rebuilt with its offset, stride and
    flags; Parameters that were one object are one object again. Weights kept in lists or plain
    attributes follow. Buffers stay buffers, hooks are copied as `copy.deepcopy` copies them.
    """
    memo: dict[int, Any] = {}
    storages: dict[int, Tensor] = {}
    with torch.no_grad():
        for tensor in tuple(held_tensors(module)):
            if id(tensor) not in memo:
                memo[id(tensor)] = _copied(tensor, device, storages)
    copied = copy.deepcopy(module, memo)
    for current in walk(copied):
        if parametrize.is_parametrized(current):
            _own_class(current)
    return copied


def walk(module: nn.Module) -> Iterator[nn.Module]:
    """Yield each module object once, in definition order, through diamonds and cycles."""
    seen, stack = set[int](), [module]
    while stack:
        current = stack.pop()
        if id(current) not in seen:
            seen.add(id(current))
            yield current
            stack.extend(child for child in reversed(current._modules.values()) if child is not None)


def held_tensors(module: nn.Module) -> Iterator[Tensor]:
    """Yield every tensor that a module tree holds, registered or in plain attributes and lists."""
    for current in walk(module):
        for value in current.__dict__.values():
            yield from _inside(value)


def _own_class(module: nn.Module) -> None:
    """Give a parametrized copy a class of its own.

    torch keeps the computed weight as a property of a class made for one module; a copy that shared
    it would take the weight away from the original when its own parametrization is removed.
    """
    kind = type(module)
    space = {key: value for key, value in vars(kind).items() if key not in ("__dict__", "__weakref__")}
    module.__class__ = type(kind.__name__, kind.__bases__, space)


def _inside(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _inside(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _inside(item)


def _copied(tensor: Tensor, device: str | torch.device | None, storages: dict[int, Tensor]) -> Tensor:
    if is_lazy(tensor) or tensor.layout not in (torch.strided, torch.sparse_coo, *COMPRESSED):
        return copy.deepcopy(tensor)
    if tensor.layout in COMPRESSED:
        copied = _compressed(tensor, device, storages)
    elif tensor.layout == torch.sparse_coo:
        copied = _sparse(tensor, device, storages)
    elif is_traceable_wrapper_subclass(tensor):
        copied = _wrapped(tensor, device, storages)
    else:
        copied = _strided(tensor, device, storages)
    if isinstance(tensor, nn.Parameter):
        parameter = nn.Parameter(copied, requires_grad=tensor.requires_grad)
        parameter.__dict__.update(tensor.__dict__)
        return parameter
    return copied.requires_grad_(tensor.requires_grad) if tensor.is_leaf else copied


def _wrapped(tensor: Any, device: str | torch.device | None, storages: dict[int, Tensor]) -> Tensor:
    """Rebuild a tensor that wraps others, such as a DTensor, on copies of those."""
    names, context = tensor.__tensor_flatten__()
    parts = {name: getattr(tensor, name) for name in names}  # a DTensor lists its mesh among them
    for name, part in parts.items():
        if isinstance(part, Tensor):
            parts[name] = _copied(part, device, storages)
    made: Tensor = type(tensor).__tensor_unflatten__(parts, context, tensor.size(), tensor.stride())
    return made


def _sparse(tensor: Tensor, device: str | torch.device | None, storages: dict[int, Tensor]) -> Tensor:
    places, values = (_copied(part, device, storages) for part in (tensor._indices(), tensor._values()))
    made = torch.sparse_coo_tensor(places, values, tensor.size(), check_invariants=False)
    return made._coalesced_(tensor.is_coalesced())


def _compressed(tensor: Tensor, device: str | torch.device | None, storages: dict[int, Tensor]) -> Tensor:
    by_row = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
    outer = tensor.crow_indices() if by_row else tensor.ccol_indices()
    inner = tensor.col_indices() if by_row else tensor.row_indices()
    outer, inner, values = (_copied(part, device, storages) for part in (outer, inner, tensor.values()))
    return torch.sparse_compressed_tensor(
        outer, inner, values, tensor.size(), layout=tensor.layout, check_invariants=False
    )


def _strided(tensor: Tensor, device: str | torch.device | None, storages: dict[int, Tensor]) -> Tensor:
    raw = tensor.untyped_storage()
    where = torch.device(device) if device is not None else tensor.device
    if raw._cdata not in storages:
        storages[raw._cdata] = _bytes(tensor, where)
    flat = storages[raw._cdata].untyped_storage()
    copied = torch.empty(0, dtype=tensor.dtype, device=where)
    copied.set_(flat, tensor.storage_offset(), tensor.size(), tensor.stride())
    copied = copied.conj() if tensor.is_conj() else copied
    return torch._neg_view(copied) if tensor.is_neg() else copied


def _bytes(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of all bytes of the storage below `tensor`, copied to a device."""
    raw = tensor.untyped_storage()
    if device.type == "meta" or tensor.device.type == "meta":
        return torch.empty(raw.nbytes(), dtype=torch.uint8, device=device)
    whole = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(raw)
    return whole.to(device, copy=True)
