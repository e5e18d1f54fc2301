"""Casts between the float types as torch makes them; bfloat16 is the upper half of a float32."""

from __future__ import annotations

from typing import Any

import numpy as np

PRECISE_FIRST = ("float64", "float32", "float16", "bfloat16")

_NUMPY = {"float64": "<f8", "float32": "<f4", "float16": "<f2"}


def as_float32(data: bytes, dtype: str) -> np.ndarray[Any, Any]:
    """Return elements as float32; little-endian, as all files here are.

    Example:
        >>> as_float32(bytes([0x80, 0x3F]), "bfloat16").tolist()
        [1.0]
    """
    if dtype == "bfloat16":
        upper = np.frombuffer(data, "<u2").astype("<u4") << 16
        return upper.view("<f4")
    with np.errstate(over="ignore"):
        return np.frombuffer(data, _NUMPY[dtype]).astype("<f4")


def rounded_to(coarse: str, data: bytes, dtype: str) -> bytes:
    """Return the bytes of elements after a cast to a less precise type, to nearest, ties to even.

    Example:
        >>> import struct
        >>> rounded_to("bfloat16", struct.pack("<f", 1.00390625), "float32").hex()  # halfway: to even
        '803f'
    """
    if coarse != "bfloat16":
        with np.errstate(over="ignore"):
            return np.frombuffer(data, _NUMPY[dtype]).astype(_NUMPY[coarse]).tobytes()
    bits = as_float32(data, dtype).view("<u4")
    nearest = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    nan = (bits & 0x7FFFFFFF) > 0x7F800000
    # rounding could carry a NaN into infinity or zero; torch writes 0x7fc0 for any of them
    return np.where(nan, np.uint16(0x7FC0), nearest).astype("<u2").tobytes()
