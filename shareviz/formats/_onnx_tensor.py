"""One tensor of an ONNX file: its sizes held against its bytes, which are not read.

Source: onnx/onnx.proto, TensorProto; onnx/docs/ExternalData.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Code, Limits, refuse
from shareviz.formats._slots import check_shape
from shareviz.formats._wire import BYTES, FIXED32, FIXED64, Field, Span, Wire
from shareviz.snapshot import itemsize

_REDO = "Export the model again."
STRINGS = "string"
_TYPES: Mapping[int, str] = dict(
    enumerate(
        (
            *("float32", "uint8", "int8", "uint16", "int16", "int32", "int64", STRINGS, "bool", "float16"),
            *("float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8_e4m3fn"),
            *("float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "uint4", "int4", "float4_e2m1"),
            *("float8_e8m0fnu", "uint2", "int2", "float6_e2m3", "float6_e3m2"),
        ),
        1,
    )
)
_RAW, _EXTERNAL = 9, 13
# where elements may stand instead of raw bytes: bytes of one number, or None where it varies (1 to 10)
_LISTS: Mapping[int, int | None] = {4: 4, 5: None, 6: None, 7: None, 10: 8, 11: None}
_AS_MEMORY = {4: "float32", 10: "float64"}  # lists whose numbers have the size of their elements
_UNSAFE = re.compile(r"^[/~]|\\|\x00|(^|/)\.\.(/|$)|^[A-Za-z]:")
_LONGEST = 10


@dataclass(frozen=True, slots=True)
class Outside:
    """Where the elements stand in another file: its name, and the offset there."""

    location: str
    offset: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor as the file states it; `outside` is None where its bytes stand in this file.

    `inside` is where they stand in one piece, as memory would hold them; None for a list of numbers that
    take bytes as they need, or that is cut in pieces.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    outside: Outside | None = None
    inside: Span | None = None

    @property
    def numel(self) -> int:
        return prod(self.shape)


def stored_tensor(wire: Wire, span: Span) -> Stored:
    """Return a tensor after checking that it has the bytes that its sizes need.

    Raises:
        FormatError: malformed, unsupported (an unknown type), unsafe-path, limit, bad-name.
    """
    name, kind = "", 0
    shape: list[int] = []
    given: dict[int, int] = {}
    pieces: list[Field] = []
    outside: dict[str, str] = {}
    for entry in wire.fields(span):
        if entry.number == 1:
            shape += _sizes(wire.numbers(entry), len(shape), wire.file.limits)
        elif entry.number == 2:
            kind = entry.value
        elif entry.number == 8:
            name = wire.text(entry)
        elif entry.number == _EXTERNAL and entry.wire == BYTES:
            outside |= _pair(wire, entry.span)
        elif entry.number in (_RAW, *_LISTS):
            # a number that stands alone counts as the shortest list
            alone = {FIXED32: 4, FIXED64: 8}.get(entry.wire, 1)
            more = entry.span.nbytes if entry.wire == BYTES else alone
            given[entry.number] = given.get(entry.number, 0) + more
            pieces += [entry] if more else []
    made = Stored(name, tuple(shape), _dtype(name, kind))
    if min(shape, default=0) < 0:
        raise _refuse("malformed", name, "has a negative size")
    if not outside and not any(given.values()) and made.numel and made.dtype != STRINGS:
        raise _refuse("malformed", name, "claims elements without any bytes")
    check_shape(name or "A tensor", made.shape, wire.file.limits)
    if outside:
        return replace(made, outside=_outside(made, outside))
    _check_bytes(made, given)
    return replace(made, inside=_plain(made, pieces))


def _plain(tensor: Stored, pieces: Sequence[Field]) -> Span | None:
    """Return where the elements stand as memory would hold them, or None."""
    if len(pieces) != 1 or pieces[0].wire != BYTES:
        return None
    alike = pieces[0].number == _RAW or _AS_MEMORY.get(pieces[0].number) == tensor.dtype
    return pieces[0].span if alike and tensor.dtype != STRINGS else None


def sparse_parts(wire: Wire, span: Span) -> Iterator[Stored]:
    """Yield the values and indices of a sparse tensor, each as a tensor named after it."""
    parts = {
        entry.number: stored_tensor(wire, entry.span)
        for entry in wire.fields(span)
        if entry.number in (1, 2) and entry.wire == BYTES
    }
    name = parts[1].name if 1 in parts else ""
    for number, word in ((1, "values"), (2, "indices")):
        if number in parts:
            yield replace(parts[number], name=f"{name}.{word}")


def _sizes(numbers: Iterator[int], have: int, limits: Limits) -> list[int]:
    sizes: list[int] = []
    for number in numbers:
        sizes.append(number)
        if have + len(sizes) > limits.dimensions:
            raise refuse("limit", f"A tensor has more than {limits.dimensions} dimensions.", _REDO)
    return sizes


def _dtype(name: str, kind: int) -> str:
    if kind not in _TYPES:
        raise _refuse("unsupported", name, f"has elements of the type {text.exact(kind)} of ONNX")
    return _TYPES[kind]


def _pair(wire: Wire, span: Span) -> dict[str, str]:
    words = {entry.number: wire.text(entry) for entry in wire.fields(span) if entry.number in (1, 2)}
    return {words.get(1, ""): words.get(2, "")}


def _outside(tensor: Stored, stated: Mapping[str, str]) -> Outside:
    location = stated.get("location", "")
    if _UNSAFE.search(location):
        said = f"stands in {text.clean(location, 80)}, outside of the model's own folder"
        hint = "Do not load this file with a library; ask its author for a clean one."
        raise _refuse("unsafe-path", tensor.name, said, hint)
    if not location:
        raise _refuse("malformed", tensor.name, "stands in another file, which is not named")
    numbers = {}
    for key in ("offset", "length"):
        word = stated.get(key, "")
        if word and not re.fullmatch(r"[0-9]{1,18}", word):
            raise _refuse("malformed", tensor.name, f"has another {key} than a number")
        numbers[key] = int(word or 0)
    if "length" in stated and tensor.dtype != STRINGS and numbers["length"] != _need(tensor):
        have, need = text.exact(numbers["length"]), text.exact(_need(tensor))
        raise _refuse("malformed", tensor.name, f"has {have} bytes; its shape and type need {need}")
    return Outside(location, numbers["offset"])


def _need(tensor: Stored) -> int:
    return ceil(tensor.numel * itemsize(tensor.dtype))


def _check_bytes(tensor: Stored, given: Mapping[int, int]) -> None:
    """Refuse a tensor that holds other bytes than its sizes need."""
    if tensor.dtype == STRINGS:
        return
    used = {number: nbytes for number, nbytes in given.items() if nbytes}
    if len(used) > 1:
        raise _refuse("malformed", tensor.name, "holds its elements twice")
    if not used:
        if tensor.numel:
            claims = (
                f"{text.exact(tensor.numel)} elements" if tensor.numel < 2**48 else "2⁴⁸ elements or more"
            )
            raise _refuse("malformed", tensor.name, f"claims {claims} without any bytes")
        return
    ((number, have),) = used.items()
    low, high = _bounds(tensor, number)
    if not low <= have <= high:
        need = f"need {text.exact(low)}" if low < 2**60 else "need more than any file has"
        raise _refuse("malformed", tensor.name, f"has {text.exact(have)} bytes; its shape and type {need}")


def _bounds(tensor: Stored, number: int) -> tuple[int, int]:
    """Return the fewest and the most bytes that a tensor can take in a field."""
    if number == _RAW:
        return _need(tensor), _need(tensor)
    # numbers of a list for one element: two halves of a complex one, a byte for two of four bits
    each = 2 if tensor.dtype.startswith("complex") else min(1, itemsize(tensor.dtype))
    each = 1 if tensor.dtype.startswith("float6") else each
    numbers = ceil(tensor.numel * each)
    width = _LISTS[number]
    return (numbers, numbers * _LONGEST) if width is None else (numbers * width, numbers * width)


def _refuse(code: Code, name: str, what: str, hint: str = _REDO) -> FormatError:
    return refuse(code, f"{text.clean(name, 80) or 'A tensor'} {what}.", hint)
