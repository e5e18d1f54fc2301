"""The header of a GGUF file, read in small pieces: every count is checked before it is followed.

Source: ggml-org/ggml, docs/gguf.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import refuse
from shareviz.formats._file import File

_PIECE = 2**16
_REDO = "Convert or download the model again."
_U32, _U64 = Struct("<I"), Struct("<Q")
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # of GGUF's number types
_WHOLE = {0: False, 1: True, 2: False, 3: True, 4: False, 5: True, 10: False, 11: True}  # signed?
_STRING, _ARRAY = 8, 9
_DEEPEST = 4
_KEPT = frozenset(
    {"general.architecture", "general.name", "general.type", "general.alignment", "split.count"}
)
_KEY_CHARS = 2**16 - 1


class Reader:
    """Reads the header front to back; `at` is the position of the next byte."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.at = 0
        self.most = min(file.size, file.limits.header_bytes)
        self._piece = b""
        self._start = 0

    def counts(self) -> tuple[int, int]:
        """Return the number of tensors and of keys, after the four letters and the version."""
        letters, version = self.take(4), self.u32()
        if letters == b"FUGG" or (version and not version & 0xFFFF):
            hint = "Convert the model again with little-endian order, which GGUF uses by default."
            raise refuse("malformed", "The file is written in big-endian order.", hint)
        if version not in (2, 3):
            said = f"The file is of version {text.exact(version)} of GGUF; versions 2 and 3 are read."
            raise refuse("unsupported", said, _REDO)
        tensors, keys = self.u64(), self.u64()
        if keys > self.file.limits.keys:
            said = f"The file claims {text.exact(keys)} keys; at most {text.exact(self.file.limits.keys)}"
            raise refuse("limit", f"{said} are read.", _REDO)
        return tensors, keys

    def keys(self, count: int) -> Mapping[str, str | int]:
        """Return the values of the few keys that matter here; the others are passed over."""
        kept: dict[str, str | int] = {}
        seen: set[str] = set()
        for _ in range(count):
            key = self.text("A key")
            if key in seen:
                raise refuse("ambiguous", f"The key {text.clean(key, 80)} stands twice.", _REDO)
            seen.add(key)
            kind = self.u32()
            if key in _KEPT and (kind == _STRING or kind in _WHOLE):
                kept[key] = self._value(kind)
            else:
                self._pass(kind)
        return kept

    def text(self, what: str) -> str:
        """Return a text; `what` is how a message calls it."""
        length = self.u64()
        if length > _KEY_CHARS:
            said = f"{what} has {text.exact(length)} bytes; at most {text.exact(_KEY_CHARS)} are read."
            raise refuse("limit", said, _REDO)
        raw = self.take(length)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise refuse("bad-name", f"{what} is no valid text.", _REDO) from error

    def u32(self) -> int:
        """Return the next four bytes as a number."""
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        """Return the next eight bytes as a number."""
        return int(_U64.unpack(self.take(8))[0])

    def take(self, nbytes: int) -> bytes:
        """Return the next bytes, and go past them."""
        start = self.at
        self.skip(nbytes)
        low = start - self._start
        if low < 0 or low + nbytes > len(self._piece):
            self._piece = self.file.at(start, min(max(nbytes, _PIECE), self.most - start))
            self._start, low = start, 0
        taken = self._piece[low : low + nbytes]
        if len(taken) < nbytes:  # the file shrinks while it is read
            raise self._beyond(nbytes)
        return taken

    def skip(self, nbytes: int) -> None:
        """Go past bytes without reading them."""
        if nbytes > self.most - self.at:
            raise self._beyond(nbytes)
        self.at += nbytes

    def _value(self, kind: int) -> str | int:
        if kind == _STRING:
            return self.text("A text")
        return int.from_bytes(self.take(_SIZES[kind]), "little", signed=_WHOLE[kind])

    def _pass(self, kind: int, depth: int = 0) -> None:
        if kind in _SIZES:
            self.skip(_SIZES[kind])
        elif kind == _STRING:
            self.skip(self.u64())
        elif kind == _ARRAY and depth < _DEEPEST:
            self._pass_array(depth)
        else:
            what = "nests too deep" if kind == _ARRAY else f"has the unknown type {text.exact(kind)}"
            raise refuse("malformed", f"A value of a key {what}.", _REDO)

    def _pass_array(self, depth: int) -> None:
        kind, count = self.u32(), self.u64()
        if kind in _SIZES:
            self.skip(count * _SIZES[kind])
            return
        least = 8 if kind == _STRING else 12
        if count * least > self.most - self.at:
            raise self._beyond(count * least)
        for _ in range(count):
            self._pass(kind, depth + 1)

    def _beyond(self, nbytes: int) -> FormatError:
        """Return the error for a header that claims more than there is, or than is read."""
        if self.most < self.file.size:
            said = f"The header is longer than {text.size(self.most)}, the most that is read."
            return refuse("limit", said, "Check that this is a GGUF file, and that it is whole.")
        if nbytes > 2**40:
            said = f"The header claims {text.size(nbytes)} at byte {text.exact(self.at)}."
            return refuse("malformed", said, _REDO)
        said = f"The header is cut off: it needs {text.size(nbytes)} more at byte {text.exact(self.at)}."
        return refuse("truncated", said, "Upload the whole header, which may take some MB.")
