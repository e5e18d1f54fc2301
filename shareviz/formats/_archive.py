"""The parts of a zip that torch wrote: its pickles and its storages, all stored plainly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shareviz import text
from shareviz.formats import _zip
from shareviz.formats._base import refuse
from shareviz.formats._file import File
from shareviz.formats._zip import Entry

_AGAIN = "Save the checkpoint again with torch.save."
_ALONE = "Save the state dict, and open that."


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of one storage stand in a file."""

    start: int
    nbytes: int


def members(file: File, name: str) -> tuple[str, ...]:
    """Return the entries of that name which stand in a folder of their own: `archive/data.pkl`."""
    wanted = re.compile(f"[^/]+/{re.escape(name)}")
    return tuple(entry for entry in file.entries if wanted.fullmatch(entry))


def only(file: File, name: str) -> Entry:
    """Return the one entry of that name; two of them are ambiguous, and none is malformed."""
    found = members(file, name)
    if not found:
        raise refuse("malformed", f"The zip holds no {name}.", _AGAIN)
    if len(found) > 1:
        said = f"The zip holds {text.exact(len(found))} files {name}; readers differ in which counts."
        raise refuse("ambiguous", said, _AGAIN)
    return file.entries[found[0]]


def plain(file: File, entry: Entry, most: int) -> bytes:
    """Return the bytes of an entry, after refusing a compressed or a long one."""
    shown = text.clean(entry.name.rpartition("/")[2], 80)
    if not entry.stored:
        raise refuse("compressed", f"{shown} is compressed; torch stores it plainly.", _ALONE)
    if entry.nbytes > most:
        said = f"{shown} has {text.size(entry.nbytes)}; at most {text.size(most)} are read."
        raise refuse("limit", said, _ALONE)
    return file.member(entry)


def storages(file: File, start: str) -> Mapping[str, int]:
    """Return the bytes of each storage in the file, by its key: what follows `start`."""
    stored = {
        name.removeprefix(start): entry for name, entry in file.entries.items() if name.startswith(start)
    }
    packed = next((entry for entry in stored.values() if not entry.stored), None)
    if packed is not None:
        said = f"The storage {text.clean(packed.name, 80)} is compressed; torch stores it plainly."
        raise refuse("compressed", said, _AGAIN)
    return {key: entry.nbytes for key, entry in stored.items()}


def place_of(file: File, entry: Entry) -> Place:
    """Return where a stored entry's bytes stand in the file."""
    return Place(_zip.start_of(file.stream, entry), entry.nbytes)
