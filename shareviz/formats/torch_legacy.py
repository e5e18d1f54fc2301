"""A file that torch saved before 1.6: five pickles, then each storage with its length before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._archive import Place
from shareviz.formats._base import Format, Request, Tells, refuse
from shareviz.formats._checkpoint import SAVE, Unpickled, named_leaves, snapshot_of
from shareviz.formats._file import File
from shareviz.formats._pickle import ClosedUnpickler, unpickle
from shareviz.formats._torch import builders, storage_of
from shareviz.snapshot import Snapshot, itemsize

_MAGIC = b"\xfc\x9cF\xf9 j\xa8P\x19"  # 0x1950A86A20F9469CFC6C, which a pickle writes as a long
_LENGTH_BYTES = 8
_WHOLE = "Upload the whole file: the sizes of its storages stand between them."


def sniff(file: File) -> bool:
    """Whether the first pickle is torch's magic number."""
    return file.head[:1] == b"\x80" and _MAGIC + b"." in file.head[:32]


def read(file: File, request: Request) -> Snapshot:
    """Return the state dict or pickled module in the file; its ties are those of its storages.

    Raises:
        FormatError: truncated, malformed, ambiguous (several state dicts), no-tensors, limit.
    """
    root, foreign, stored = _unpickled(file)
    sizes = {key: place.nbytes for key, place in stored.items()}
    return snapshot_of(Unpickled(root, foreign, sizes), file, request)


def places(file: File, request: Request) -> Mapping[str, Place]:
    """Return where the storage of each tensor stands in the file, by the names that `read` gives."""
    root, _, stored = _unpickled(file)
    leaves = named_leaves(root, file, request)
    held = ((leaf.name, leaf.record.storage) for leaf in leaves)
    return {name: stored[one.key] for name, one in held if one is not None and one.key in stored}


def _unpickled(file: File) -> tuple[Any, tuple[str, ...], Mapping[str, Place]]:
    """Return the saved object, the foreign classes that it names, and where its storages stand."""
    reader = _Reader(file)
    for _ in ("magic", "protocol", "system"):
        reader.pickle()
    root = reader.pickle()
    stored = _stored(reader, reader.pickle()) if reader.types else {}
    return root, tuple(reader.foreign), stored


@dataclass(slots=True)
class _Reader:
    """Reads one pickle after the other; `types` are the element types of the storages they name."""

    file: File
    foreign: dict[str, None] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    stream: _Bounded = field(init=False)

    def __post_init__(self) -> None:
        self.file.stream.seek(0)
        self.stream = _Bounded(self.file.stream, self.file.limits.pickle_bytes)

    def pickle(self) -> Any:
        """Return the root object of the pickle that stands here."""
        limits = self.file.limits
        unpickler = ClosedUnpickler(
            self.stream, builders=builders(limits), storage=self._storage, limits=limits
        )
        root = unpickle(unpickler)
        self.foreign |= unpickler.foreign
        return root

    def _storage(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module":
            return pid[1]  # a class, with the source code that it had
        storage = storage_of(pid)
        if self.types.setdefault(storage.key, storage.dtype) != storage.dtype:
            raise ValueError("a storage with two types")
        return storage


@dataclass(slots=True)
class _Bounded:
    """A stream that ends with an error, and is not asked for more bytes than a pickle may have."""

    stream: BinaryIO
    left: int

    def read(self, nbytes: int) -> bytes:
        """Return exactly so many bytes."""
        self._take(nbytes)
        data = self.stream.read(nbytes)
        if len(data) < nbytes:
            raise _cut_off()
        return data

    def readline(self) -> bytes:
        """Return the bytes to the next line feed."""
        line = self.stream.readline(self.left + 1)
        self._take(len(line))
        if not line.endswith(b"\n"):
            raise _cut_off()
        return line

    def _take(self, nbytes: int) -> None:
        self.left -= nbytes
        if self.left < 0:
            raise refuse("limit", "The pickles inside are longer than those of any model.", SAVE)


def _stored(reader: _Reader, keys: Any) -> Mapping[str, Place]:
    """Return where each storage stands, by hopping from one length to the next."""
    if not isinstance(keys, Sequence) or not all(isinstance(key, str) for key in keys):
        raise refuse("malformed", "The list of storages is no list of keys.", SAVE)
    stored: dict[str, Place] = {}
    stream, size = reader.file.stream, reader.file.size
    for key in keys:
        shown = f"The storage {text.clean(key, 80)}"
        if key not in reader.types or key in stored:
            raise refuse("malformed", f"{shown} belongs to no tensor, or stands in the file twice.", SAVE)
        length = stream.read(_LENGTH_BYTES)
        elements = int.from_bytes(length, "little", signed=True)
        nbytes = int(elements * itemsize(reader.types[key]))
        if elements < 0:
            raise refuse("malformed", f"{shown} has a negative length.", SAVE)
        if len(length) < _LENGTH_BYTES or stream.tell() + nbytes > size:
            raise refuse("truncated", f"{shown} is cut off.", _WHOLE)
        stored[key] = Place(stream.tell(), nbytes)
        stream.seek(nbytes, 1)
    return stored


def _cut_off() -> FormatError:
    return refuse("truncated", "The file ends within the description of its tensors.", _WHOLE)


FORMAT = Format(
    name="torch-legacy",
    title="PyTorch checkpoint from before 1.6",
    tells=Tells(
        tree="names; of a pickled module its classes", flow="no", ties="by storage", views="yes", values="yes"
    ),
    sniff=sniff,
    read=read,
    source="torch/serialization.py (_legacy_save), torch 2.13",
    suffixes=(".pt", ".pth", ".bin"),
    picks=True,
    beside=True,
)
