"""One opened file or upload: its shown name, its size, its first bytes."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from shareviz import text
from shareviz.formats import _zip
from shareviz.formats._base import Limits, refuse

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes with a name, as a browser sends them. The name is shown, and never used as a path."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Handed:
    """A file that another process has checked and opened: its shown name and its descriptor."""

    name: str
    descriptor: int


Named = str | os.PathLike[str] | Upload | Handed


@dataclass(frozen=True)
class File:
    """An opened file. `name` is cleaned, without folders, and at most 80 characters long."""

    name: str
    size: int
    stream: BinaryIO
    limits: Limits

    @cached_property
    def head(self) -> bytes:
        """The first 4096 bytes, by which formats are told apart."""
        return self.at(0, HEAD_BYTES)

    @cached_property
    def suffix(self) -> str:
        """The lower-case end of the name from its last dot; ".shareviz.json" is one suffix."""
        lowered = self.name.lower()
        return ".shareviz.json" if lowered.endswith(".shareviz.json") else os.path.splitext(lowered)[1]

    @cached_property
    def entries(self) -> Mapping[str, _zip.Entry]:
        """Members of a zip file; nothing where the bytes do not start as one."""
        if not self.head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return {}
        return _zip.directory(self.stream, self.size, self.limits)

    @property
    def is_json(self) -> bool:
        """Whether the first character is an opening brace."""
        return self.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"

    def at(self, offset: int, nbytes: int) -> bytes:
        """Return at most `nbytes` from `offset`."""
        self.stream.seek(offset)
        return self.stream.read(nbytes)

    def member(self, entry: _zip.Entry) -> bytes:
        """Return the bytes of a stored zip member."""
        return _zip.content(self.stream, entry)

    def inflated(self, entry: _zip.Entry) -> bytes:
        """Return the bytes of a zip member that may be compressed, at most as many as it claims."""
        return _zip.inflated(self.stream, entry)


@contextmanager
def opened(path: Named, limits: Limits) -> Iterator[File]:
    """Yield the file for reading, after refusing what is no regular file, is empty or too large."""
    if isinstance(path, Upload):
        name, size = shown_name(path.name), len(path.data)
        _check_size(name, size, limits)
        yield File(name, size, io.BytesIO(path.data), limits)
        return
    if isinstance(path, Handed):
        name, descriptor = path.name, os.dup(path.descriptor)
    else:
        name = shown_name(os.fspath(path))
        descriptor = _open_regular(Path(path), name)
    with os.fdopen(descriptor, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        _check_size(name, size, limits)
        yield File(name, size, stream, limits)


def shown_name(path: str) -> str:
    """Return the last part of a path, cleaned, 80 characters at most.

    Example:
        >>> shown_name("../../etc/passwd"), shown_name("C:\\\\models\\\\a.pt")
        ('passwd', 'a.pt')
    """
    last = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if len(last) > 80:  # keep the suffix: it is a hint for the reader, and for the person
        last = last[:60] + "…" + last[-19:]
    return text.clean(last or "file")


def _open_regular(path: Path, name: str) -> int:
    # O_NONBLOCK: opening a FIFO would wait for a writer; O_NOFOLLOW: a link may lead anywhere
    flags = os.O_RDONLY
    for flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):  # Windows lacks the first two
        flags |= getattr(os, flag, 0)
    try:
        if path.is_symlink():
            raise refuse("not-a-file", f"{name} is a symbolic link.", "Open the file that it points to.")
        handle = os.open(path, flags)
    except (OSError, ValueError) as error:
        why = "cannot be opened"
        if isinstance(error, (FileNotFoundError, PermissionError)):
            why = "does not exist" if isinstance(error, FileNotFoundError) else "may not be read"
        raise refuse("not-a-file", f"{name} {why}.", "Check the path and its permissions.") from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
        raise refuse("not-a-file", f"{name} is {what}, not a file.", "Name one checkpoint file.")
    return handle


def _check_size(name: str, size: int, limits: Limits) -> None:
    if not size:
        raise refuse("empty", f"{name} is empty.", "Check that the download finished.")
    if limits.file_bytes is not None and size > limits.file_bytes:
        raise refuse(
            "too-large",
            f"{name} has {text.size(size)}; at most {text.size(limits.file_bytes)} are read here.",
            "Run shareviz locally, or upload the first few MB of a safetensors file.",
        )
