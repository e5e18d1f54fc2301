"""What torch writes into a pickle: storages, tensors and the functions that rebuild them.

Each becomes a plain record with the numbers that the file states; they are checked where the
tensor's name is known, in `_slots`. Source: torch/_utils.py and torch/storage.py, torch 2.13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from shareviz import text
from shareviz.formats._base import Limits, refuse
from shareviz.formats._opcodes import Global, Record
from shareviz.snapshot import TORCH_BYTES, contiguous, itemsize

_STORAGES = {
    **{"Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16"},
    **{"Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool"},
    **{"ComplexDouble": "complex128", "ComplexFloat": "complex64"},
    **{"QInt8": "qint8", "QUInt8": "quint8", "QInt32": "qint32", "Untyped": "uint8"},
}


@dataclass(frozen=True, slots=True)
class DType:
    """An element type, by torch's name without the prefix."""

    name: str


@dataclass(frozen=True, slots=True)
class StorageType:
    """A storage class: the type of its elements, bytes for an untyped one."""

    dtype: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage as a pickle refers to it: its key in the file, its type, the bytes it claims.

    `offset` is where a view of it starts, in elements: files from before 1.6 can name one.
    """

    key: str
    dtype: str
    nbytes: int
    offset: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class TensorRecord:
    """A tensor as a pickle states it; `offset` and `stride` count elements.

    `storage` is None for a tensor saved from the meta device. `parameter`: wrapped as one.
    """

    storage: Storage | None
    dtype: str
    shape: tuple[int, ...]
    offset: int = 0
    stride: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()
    parameter: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A tensor stored as several: a sparse one as its indices and values."""

    parts: tuple[tuple[str, TensorRecord], ...]


def storage_of(pid: Any) -> Storage:
    """Return the storage that a persistent id refers to."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
        raise ValueError("a persistent id that is no storage")
    kind, key, elements = pid[1], pid[2], pid[4]
    known = isinstance(kind, StorageType) and isinstance(key, str)
    if not known or not _is_whole(elements) or elements < 0:
        raise ValueError("a storage without a type, key and size")
    view = pid[5] if len(pid) > 5 else None  # (its key, offset, elements)
    offset = view[1] if isinstance(view, tuple) and len(view) == 3 else 0
    if not _is_whole(offset) or offset < 0:
        raise ValueError("a view of a storage without an offset")
    return Storage(key, kind.dtype, int(elements * itemsize(kind.dtype)), offset)


def builders(limits: Limits) -> Mapping[str, Any]:
    """Return the closed table: what may be rebuilt, by the name that a pickle gives it."""
    rebuild = _Rebuild(limits)
    utils = {
        "_rebuild_tensor": rebuild.tensor,
        "_rebuild_tensor_v2": rebuild.tensor,
        "_rebuild_tensor_v3": rebuild.typed,
        "_rebuild_qtensor": rebuild.quantized,
        "_rebuild_sparse_tensor": _sparse,
        "_rebuild_meta_tensor_no_storage": rebuild.meta,
        "_rebuild_parameter": _parameter,
        "_rebuild_parameter_with_state": _parameter,
        "_rebuild_device_tensor_from_cpu_tensor": _moved,
    }
    return MappingProxyType(
        _NAMED
        | {f"torch._utils.{name}": builder for name, builder in utils.items()}
        | {"torch.Size": rebuild.sizes, "torch._tensor._rebuild_from_type_v2": rebuild.subclass}
    )


@dataclass(frozen=True, slots=True)
class _Rebuild:
    limits: Limits

    def sizes(self, values: Any = ()) -> tuple[int, ...]:
        if not isinstance(values, (tuple, list)):
            raise ValueError("sizes that are no tuple")
        if len(values) > self.limits.dimensions:
            said = f"A tensor has {text.exact(len(values))} dimensions."
            raise refuse("limit", said, "Save a model with sensible shapes.")
        if not all(_is_whole(value) for value in values):
            raise ValueError("sizes that are no whole numbers")
        return tuple(values)

    def tensor(self, storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> TensorRecord:
        if not isinstance(storage, Storage) or not _is_whole(offset):
            raise ValueError("a tensor without a storage")
        flags = _flags(rest[2]) if len(rest) > 2 else ()
        offset += storage.offset
        return TensorRecord(storage, storage.dtype, self.sizes(size), offset, self.sizes(stride), flags)

    def typed(self, storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> TensorRecord:
        if len(rest) < 3 or not isinstance(rest[2], DType):
            raise ValueError("a tensor without a dtype")
        made = self.tensor(storage, offset, size, stride, *rest[:2], *rest[3:])
        return replace(made, dtype=rest[2].name)

    def quantized(self, storage: Any, offset: Any, size: Any, stride: Any, *_rest: Any) -> TensorRecord:
        return self.tensor(storage, offset, size, stride)

    def meta(self, dtype: Any, size: Any, stride: Any, *_rest: Any) -> TensorRecord:
        if not isinstance(dtype, DType):
            raise ValueError("a tensor without a dtype")
        sizes = self.sizes(size)
        self.sizes(stride)
        return TensorRecord(None, dtype.name, sizes, 0, contiguous(sizes))

    def subclass(self, maker: Any, kind: Any, args: Any, state: Any) -> Any:
        """A tensor subclass: its plain tensor where it has one, else an inert record."""
        known = getattr(maker, "__self__", None) == self or maker in (_parameter, _sparse)
        if known and isinstance(args, tuple):
            return maker(*args)
        return Record(kind if isinstance(kind, Global) else Global("torch.Tensor"), (args,), state)


def _sparse(_layout: Any, data: Any) -> Any:
    if not isinstance(data, tuple) or len(data) > 8:
        raise ValueError("a sparse tensor without parts")
    tensors = [part for part in data if isinstance(part, TensorRecord)]
    names = ("indices", "values") if len(tensors) == 2 else ("compressed_indices", "plain_indices", "values")
    return Parts(tuple(zip(names, tensors, strict=True)))


def _parameter(data: Any, *_rest: Any) -> Any:
    return replace(data, parameter=True) if isinstance(data, TensorRecord) else data


def _moved(data: Any, *_rest: Any) -> Any:
    return data


def _ignored(*_args: Any) -> None:
    """A device or a layout: no part of a Snapshot."""


def _flags(metadata: Any) -> tuple[str, ...]:
    if not isinstance(metadata, dict):
        return ()
    return tuple(flag for flag in ("conj", "neg") if metadata.get(flag) is True)


def _is_whole(value: Any) -> bool:
    # a number of a million digits is valid in a pickle, and multiplying it takes minutes
    return type(value) is int and -(2**63) <= value < 2**63


def _named() -> dict[str, Any]:
    """Values that a name stands for: dtypes, storage classes, and what is not needed."""
    named: dict[str, Any] = {f"torch.{name}": DType(name) for name in TORCH_BYTES}
    for name, dtype in _STORAGES.items():
        for home in ("torch", "torch.cuda", "torch.storage"):
            named[f"{home}.{name}Storage"] = StorageType(dtype)
    ignored: Sequence[str] = ("torch.device", "torch.serialization._get_layout")
    return named | dict.fromkeys(ignored, _ignored)


_NAMED = _named()
