"""The directory of a zip file, read strictly; nothing is inflated without a bound.

Python's zipfile takes the last of two equal names where torch takes the first, and neither says
so; here such a file is refused. Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 to 4.3.16.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import BinaryIO

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Limits, refuse

_END = Struct("<4s4H2LH")  # sign, disks ×2, entries ×2, bytes of the directory, its offset, comment
_LOCATOR = Struct("<4sLQL")
_END64 = Struct("<4sQ2H2L4Q")
_ENTRY = Struct("<4s6H3L5H2L")
_LOCAL = Struct("<4s5H3L2H")
_FULL = 0xFFFFFFFF
_ENTRY_BYTES = 2048  # of the directory, on average: a name is rarely longer than a line
_UNSAFE = re.compile(r"^/|\\|\x00|(^|/)\.\.(/|$)|^[A-Za-z]:")
_REDO = "Download or save the file again."


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: its name, its bytes once unpacked, and where it stands in the file."""

    name: str
    nbytes: int
    packed: int
    method: int
    offset: int

    @property
    def stored(self) -> bool:
        """Whether its bytes stand in the file as they are, not compressed."""
        return self.method == 0


def directory(stream: BinaryIO, size: int, limits: Limits) -> Mapping[str, Entry]:
    """Return the members by name, in file order.

    Raises:
        FormatError: truncated, malformed, ambiguous (one name twice), encrypted, unsafe-path, limit.
    """
    try:
        start, length, claimed = _find_directory(stream, size)
        if claimed > limits.zip_entries or length > limits.zip_entries * _ENTRY_BYTES:
            raise _too_many(claimed, limits)
        stream.seek(start)
        members = list(_entries(stream.read(length), start, limits))
    except (StructError, UnicodeDecodeError, ValueError) as error:
        raise refuse("malformed", "The zip directory is broken.", _REDO) from error
    found: dict[str, Entry] = {}
    for member in members:
        if member.name in found:
            said = f"The zip holds two entries named {text.clean(member.name, 80)}"
            hint = "Save the checkpoint again with torch.save."
            raise refuse("ambiguous", f"{said}; readers differ in which counts.", hint)
        found[member.name] = member
    return found


def content(stream: BinaryIO, entry: Entry) -> bytes:
    """Return the bytes of a member as they stand in the file.

    Raises:
        FormatError: malformed (its own header says other than the directory), truncated.
    """
    stream.seek(start_of(stream, entry))
    data = stream.read(entry.packed)
    if len(data) < entry.packed:
        raise refuse("truncated", f"{text.clean(entry.name, 80)} is cut off.", _REDO)
    return data


def start_of(stream: BinaryIO, entry: Entry) -> int:
    """Return where the bytes of a member begin in the file.

    Raises:
        FormatError: malformed (its own header says other than the directory).
    """
    shown = text.clean(entry.name, 80)
    stream.seek(entry.offset)
    try:
        sign, _, _, method, *_, names, extras = _LOCAL.unpack(stream.read(_LOCAL.size))
    except StructError as error:
        raise refuse("malformed", f"{shown} does not start where it should.", _REDO) from error
    name = stream.read(names)
    if sign != b"PK\x03\x04" or name != entry.name.encode() or method != entry.method:
        raise refuse("malformed", f"{shown} has another header than the directory says.", _REDO)
    return entry.offset + _LOCAL.size + int(names) + int(extras)


def inflated(stream: BinaryIO, entry: Entry) -> bytes:
    """Return the bytes of a member that may be deflated: as many as the directory claims, or fewer."""
    data = content(stream, entry)
    if entry.stored:
        return data
    if entry.method != zlib.DEFLATED:
        said = f"{text.clean(entry.name, 80)} is compressed in another way than torch does it."
        raise refuse("compressed", said, _REDO)
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, entry.nbytes) if entry.nbytes else b""
    except zlib.error as error:
        raise refuse("malformed", f"{text.clean(entry.name, 80)} cannot be unpacked.", _REDO) from error


def _find_directory(stream: BinaryIO, size: int) -> tuple[int, int, int]:
    """Return offset, bytes and claimed number of entries of the directory."""
    tail = min(size, _END.size + 0xFFFF)
    stream.seek(size - tail)
    data = stream.read(tail)
    at = data.rfind(b"PK\x05\x06")
    if at < 0 or len(data) - at < _END.size:
        raise refuse(
            "truncated",
            "The file starts as a zip, but its directory, which stands at the end, is missing.",
            "Upload the whole file: a zip cannot be opened from its beginning.",
        )
    end = size - tail + at
    *_, entries, length, start, _comment = _END.unpack_from(data, at)
    if _FULL in (length, start) or entries == 0xFFFF:
        end, entries, length, start = _find_directory64(stream, end)
    if start + length > end:
        raise ValueError("the directory reaches beyond its end")
    return start, length, entries


def _find_directory64(stream: BinaryIO, end: int) -> tuple[int, int, int, int]:
    stream.seek(max(end - _LOCATOR.size, 0))
    sign, _, at, _ = _LOCATOR.unpack(stream.read(_LOCATOR.size))
    if sign != b"PK\x06\x07" or at + _END64.size > end:
        raise ValueError("no 64-bit directory")
    stream.seek(at)
    sign, *_, entries, length, start = _END64.unpack(stream.read(_END64.size))
    if sign != b"PK\x06\x06":
        raise ValueError("no 64-bit directory")
    return at, entries, length, start


def _entries(data: bytes, end: int, limits: Limits) -> Iterator[Entry]:
    at = count = 0
    while at < len(data):
        sign, _, _, flags, method, _, _, _, packed, nbytes, names, extras, comments, *_, offset = (
            _ENTRY.unpack_from(data, at)
        )
        if sign != b"PK\x01\x02":
            raise ValueError("an entry has no signature")
        at += _ENTRY.size
        name = data[at : at + names].decode()
        packed, nbytes, offset = _wide(data[at + names : at + names + extras], packed, nbytes, offset)
        at += names + extras + comments
        count += 1
        if count > limits.zip_entries:
            raise _too_many(count, limits)
        _check_name(name, flags)
        if offset + _LOCAL.size + packed > end or (method == 0 and packed != nbytes):
            raise ValueError("an entry reaches beyond the file")
        yield Entry(name, nbytes, packed, method, offset)


def _wide(extra: bytes, packed: int, nbytes: int, offset: int) -> tuple[int, int, int]:
    """Return the three sizes, those that do not fit into 32 bits from the 64-bit field."""
    if _FULL not in (packed, nbytes, offset):
        return packed, nbytes, offset
    at = 0
    while at + 4 <= len(extra):
        kind = int.from_bytes(extra[at : at + 2], "little")
        length = int.from_bytes(extra[at + 2 : at + 4], "little")
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            numbers = iter([int.from_bytes(field[i : i + 8], "little") for i in range(0, len(field) - 7, 8)])
            nbytes, packed, offset = (
                next(numbers, value) if value == _FULL else value for value in (nbytes, packed, offset)
            )
            return packed, nbytes, offset
        at += 4 + length
    raise ValueError("a 64-bit size is missing")


def _check_name(name: str, flags: int) -> None:
    if _UNSAFE.search(name):
        raise refuse(
            "unsafe-path",
            f"The zip holds an entry with the path {text.clean(name, 80)}, outside of its own folder.",
            "Do not unpack this file; ask its author for a clean one.",
        )
    if flags & 0x41:
        said = f"{text.clean(name, 80)} is encrypted."
        raise refuse("encrypted", said, "Save the file without a password.")


def _too_many(count: int, limits: Limits) -> FormatError:
    return refuse(
        "limit",
        f"The zip lists {text.exact(count)} entries; at most {text.exact(limits.zip_entries)} are read.",
        "Open a smaller part of the model.",
    )
