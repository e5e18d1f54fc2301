"""A `.pt` file as torch saves it since 1.6: its zip directory and its pickle, no tensor byte."""

from __future__ import annotations

import io

from shareviz.formats._archive import members, only, plain, storages
from shareviz.formats._base import Format, Request, Tells
from shareviz.formats._checkpoint import Unpickled, snapshot_of
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
    entry = only(file, "data.pkl")
    data = plain(file, entry, file.limits.pickle_bytes)
    stored = storages(file, f"{entry.name.removesuffix('data.pkl')}data/")
    unpickler = ClosedUnpickler(
        io.BytesIO(data), builders=builders(file.limits), storage=storage_of, limits=file.limits
    )
    root = unpickle(unpickler)
    return snapshot_of(Unpickled(root, tuple(unpickler.foreign), stored), file, request)


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
