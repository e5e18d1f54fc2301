"""Protobuf messages walked on the wire: fields and where they lie, without reading what they hold.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from shareviz import text
from shareviz.formats._base import refuse
from shareviz.formats._file import File

_PIECE = 2**14
_REDO = "Export the model again."
_MOST_TEXT = 2**16
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}


class Span(NamedTuple):
    """Where a message or a run of bytes lies in the file: [start, end)."""

    start: int
    end: int

    @property
    def nbytes(self) -> int:
        """Its length."""
        return self.end - self.start


class Field(NamedTuple):
    """One field of a message: its number, how it is written, its number or its place."""

    number: int
    wire: int
    value: int
    span: Span


class Wire:
    """Walks the messages of a file; `left` fields may still be visited."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.left = 32 * (file.limits.nodes + file.limits.tensors)
        self._piece = b""
        self._start = 0

    def whole(self) -> Span:
        """Return the place of the outermost message: all of the file."""
        return Span(0, self.file.size)

    def fields(self, span: Span) -> Iterator[Field]:
        """Yield the fields of a message in order.

        Raises:
            FormatError: truncated (it reaches beyond the file), malformed, limit.
        """
        at, end = span
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise refuse("limit", "The file has more fields than any model needs.", _REDO)
            tag, at = self._varint(at, end)
            number, wire = tag >> 3, tag & 7
            if not number:
                raise refuse("malformed", "A field has the number 0.", _REDO)
            value = 0
            if wire == VARINT:
                value, at = self._varint(at, end)
                inner = Span(at, at)
            elif wire == BYTES:
                length, at = self._varint(at, end)
                inner = Span(at, at + length)
            elif wire in _FIXED:
                inner = Span(at, at + _FIXED[wire])
            else:
                raise refuse("malformed", "A field is written in a way that no model uses.", _REDO)
            if inner.end > end:
                raise self._beyond(end)
            at = inner.end
            yield Field(number, wire, value, inner)

    def numbers(self, field: Field) -> Iterator[int]:
        """Yield the whole numbers of a repeated field, packed or not; negative where the sign is set."""
        if field.wire == VARINT:
            yield _signed(field.value)
            return
        at, end = field.span
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise refuse("limit", "The file has more numbers than any model needs.", _REDO)
            value, at = self._varint(at, end)
            yield _signed(value)

    def text(self, field: Field) -> str:
        """Return the text that a field holds."""
        if field.wire != BYTES:
            raise refuse("malformed", "A field that holds a text is written as a number.", _REDO)
        if field.span.nbytes > _MOST_TEXT:
            said = f"A name has {text.exact(field.span.nbytes)} bytes; at most {text.exact(_MOST_TEXT)}"
            raise refuse("limit", f"{said} are read.", _REDO)
        try:
            return self._bytes(field.span).decode()
        except UnicodeDecodeError as error:
            raise refuse("bad-name", "A name is no valid text.", _REDO) from error

    def _bytes(self, span: Span) -> bytes:
        low = span.start - self._start
        if low < 0 or low + span.nbytes > len(self._piece):
            self._fill(span.start, max(_PIECE, span.nbytes))
            low = 0
        return self._piece[low : low + span.nbytes]

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Return a number of at most 64 bits, and where it ends."""
        value = shift = 0
        while at < end:
            low = at - self._start
            if not 0 <= low < len(self._piece):
                self._fill(at, _PIECE)
                low = 0
            byte = self._piece[low]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at
            shift += 7
            if shift > 63:
                raise refuse("malformed", "A number has more than 64 bits.", _REDO)
        raise self._beyond(end)

    def _fill(self, start: int, nbytes: int) -> None:
        self._piece = self.file.at(start, nbytes)
        self._start = start
        if not self._piece:
            raise self._beyond(self.file.size)

    def _beyond(self, end: int) -> Exception:
        if end == self.file.size:
            hint = "Upload the whole file: an ONNX file cannot be opened from its beginning."
            return refuse("truncated", "The file is cut off within its last message.", hint)
        return refuse("malformed", "A message reaches beyond the one that it stands in.", _REDO)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
