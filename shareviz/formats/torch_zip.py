"""A `.pt` file as torch saves it since 1.6: its zip directory and its pickle, no tensor byte."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping

from shareviz import text
from shareviz.formats._base import Format, Request, Tells, refuse
from shareviz.formats._file import File
from shareviz.formats._modules import pickled_modules
from shareviz.formats._pickle import ClosedUnpickler, names_in_words, unpickle
from shareviz.formats._slots import kind_note, slots
from shareviz.formats._states import Found, choose, is_module, leaves
from shareviz.formats._torch import builders, storage_of
from shareviz.snapshot import Snapshot, Source

_PICKLE = re.compile(r"[^/]+/data\.pkl")
_SAVE = "Save the state dict, and open that."


def sniff(file: File) -> bool:
    """Whether this is a zip with a `data.pkl` in its folder, and no TorchScript code."""
    names = file.entries
    return any(map(_PICKLE.fullmatch, names)) and not any(name.endswith("/constants.pkl") for name in names)


def read(file: File, request: Request) -> Snapshot:
    """Return the state dict or pickled module in the file; its ties are those of its storages.

    Raises:
        FormatError: compressed, malformed, ambiguous (several state dicts), no-tensors, limit.
    """
    folder, data = _pickle_of(file)
    stored = _stored(file, folder)
    unpickler = ClosedUnpickler(
        io.BytesIO(data), builders=builders(file.limits), storage=storage_of, limits=file.limits
    )
    found = choose(unpickle(unpickler), request.pick, file.limits)
    tree = pickled_modules(found.value) if is_module(found.value) else None
    named = tree.leaves() if tree else leaves(found.value, file.limits)
    tensors, storages = slots(named, stored, file.limits)
    if not tensors:
        raise no_tensors(tuple(unpickler.foreign))
    notes = (*_notes(found, tuple(unpickler.foreign)), *kind_note(tensors))
    source = Source("torch", file.name, notes)
    return Snapshot(tensors, tree.modules() if tree else (), storages=storages, source=source)


def no_tensors(foreign: tuple[str, ...]) -> Exception:
    """Return the error for a pickle without tensors, which lists the foreign names it holds."""
    if not foreign:
        return refuse("no-tensors", "This pickle holds no tensors.", _SAVE)
    ran = "which was not run" if len(foreign) == 1 else "which were not run"
    said = f"This pickle holds no tensors. It names {names_in_words(foreign)}, {ran}."
    return refuse("no-tensors", said, _SAVE)


def _pickle_of(file: File) -> tuple[str, bytes]:
    """Return the folder of the one data.pkl, and its bytes."""
    names = [name for name in file.entries if _PICKLE.fullmatch(name)]
    if len(names) > 1:
        said = f"The zip holds {text.exact(len(names))} files data.pkl; readers differ in which counts."
        raise refuse("ambiguous", said, "Save the checkpoint again with torch.save.")
    entry = file.entries[names[0]]
    if not entry.stored:
        raise refuse("compressed", "data.pkl is compressed; torch stores it plainly.", _SAVE)
    if entry.nbytes > file.limits.pickle_bytes:
        have, most = text.size(entry.nbytes), text.size(file.limits.pickle_bytes)
        raise refuse("limit", f"data.pkl has {have}; at most {most} are read.", _SAVE)
    return names[0].removesuffix("data.pkl"), file.member(entry)


def _stored(file: File, folder: str) -> Mapping[str, int]:
    """Return the bytes of each storage in the file, by its key."""
    start = f"{folder}data/"
    inside = ((name, entry) for name, entry in file.entries.items() if name.startswith(start))
    stored = {name.removeprefix(start): entry for name, entry in inside}
    packed = next((entry for entry in stored.values() if not entry.stored), None)
    if packed is not None:
        said = f"The storage {text.clean(packed.name, 80)} is compressed; torch stores it plainly."
        raise refuse("compressed", said, "Save the checkpoint again with torch.save.")
    return {key: entry.nbytes for key, entry in stored.items()}


def _notes(found: Found, foreign: tuple[str, ...]) -> Iterator[str]:
    """Yield which part of the file was opened, and what of it was not run."""
    if found.path:
        yield f"Opened {text.clean(found.path, 80)}, one part of the file."
    if is_module(found.value):
        yield "A pickled module: its tree is read from the classes that it names; nothing of it was run."
    elif foreign:
        count = text.plural(len(foreign), "foreign name")
        yield f"The pickle holds {count} ({names_in_words(foreign)}); nothing of it was run."


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
)
