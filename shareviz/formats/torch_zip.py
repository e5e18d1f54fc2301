"""A `.pt` file as torch saves it since 1.6: its zip directory and its pickle, no tensor byte."""

from __future__ import annotations

import io
from collections.abc import Mapping

from shareviz.formats._archive import Place, members, only, place_of, plain, storages
from shareviz.formats._base import Format, Request, Tells
from shareviz.formats._checkpoint import Unpickled, named_leaves, snapshot_of
from shareviz.formats._file import File
from shareviz.formats._pickle import ClosedUnpickler, unpickle
from shareviz.formats._torch import builders, storage_of
from shareviz.snapshot import Snapshot


def sniff(file: File) -> bool:
    """Whether this is a zip with a `data.pkl` in its folder, and no TorchScript code."""
    return bool(members(file, "data.pkl")) and not members(file, "constants.pkl")


def read(file: File, request: Request) -> Snapshot:
    """Return the state dict or pickled module in the file; its ties are those of its storages.

    Raises:
        FormatError: compressed, malformed, ambiguous (several state dicts), no-tensors, limit.
    """
    return snapshot_of(_unpickled(file), file, request)


def places(file: File, request: Request) -> Mapping[str, Place]:
    """Return where the storage of each tensor stands in the file, by the names that `read` gives."""
    folder = only(file, "data.pkl").name.removesuffix("data.pkl")
    found: dict[str, Place] = {}
    known: dict[str, Place] = {}
    for leaf in named_leaves(_unpickled(file).root, file, request):
        storage = leaf.record.storage  # None: a tensor saved from meta has no bytes
        entry = file.entries.get(f"{folder}data/{storage.key}") if storage else None
        if storage and entry:
            if storage.key not in known:
                known[storage.key] = place_of(file, entry)
            found[leaf.name] = known[storage.key]
    return found


def _unpickled(file: File) -> Unpickled:
    entry = only(file, "data.pkl")
    data = plain(file, entry, file.limits.pickle_bytes)
    stored = storages(file, f"{entry.name.removesuffix('data.pkl')}data/")
    unpickler = ClosedUnpickler(
        io.BytesIO(data), builders=builders(file.limits), storage=storage_of, limits=file.limits
    )
    return Unpickled(unpickle(unpickler), tuple(unpickler.foreign), stored)


FORMAT = Format(
    name="torch",
    title="PyTorch checkpoint (.pt, .pth, .bin)",
    tells=Tells(
        tree="names; of a pickled module its classes", flow="no", ties="by storage", views="yes", values="yes"
    ),
    sniff=sniff,
    read=read,
    source="torch/serialization.py (_save), torch 2.13",
    suffixes=(".pt", ".pth", ".bin", ".ckpt"),
    picks=True,
    beside=True,
)
