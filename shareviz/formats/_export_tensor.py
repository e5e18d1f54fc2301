"""How torch.export writes types, sizes and strides into JSON.

Source: torch/_export/serde/schema.py (ScalarType, TensorMeta, SymInt), torch 2.13.
"""

from __future__ import annotations

from shareviz.formats._json import At

_DTYPES = {
    **{1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32"},
    **{8: "float64", 9: "complex32", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16"},
    **{28: "uint16", 29: "float8_e4m3fn", 30: "float8_e5m2", 31: "float8_e4m3fnuz"},
    **{32: "float8_e5m2fnuz", 33: "float8_e8m0fnu", 34: "uint32", 35: "uint64"},
}
_SIZE = 2**62


def dtype_of(meta: At) -> str:
    """Return the element type of a tensor by torch's name."""
    number = meta["dtype"].integer(255)
    if number not in _DTYPES:
        raise meta["dtype"].wrong("the number of a type that torch has")
    return _DTYPES[number]


def geometry(meta: At) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return shape, strides and offset of a tensor, the last two in elements."""
    most = meta.limits.dimensions
    shape = tuple(_size(item) for item in meta["sizes"].items(most))
    stride = tuple(_size(item) for item in meta["strides"].items(most))
    return shape, stride, _size(meta["storage_offset"])


def shape_of(meta: At) -> tuple[int, ...]:
    """Return the shape of a value; a size that may vary is the one that the export saw."""
    return tuple(_size(item) for item in meta["sizes"].items(meta.limits.dimensions))


def _size(item: At) -> int:
    if "as_expr" in item.fields():
        item = item["as_expr"]["hint"]
    return item["as_int"].integer(_SIZE)
