"""From the object that a checkpoint pickles to a Snapshot: the part that its formats share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shareviz import text
from shareviz.formats._base import Request, refuse
from shareviz.formats._beside import stated_beside
from shareviz.formats._file import File
from shareviz.formats._modules import pickled_modules
from shareviz.formats._pickle import names_in_words
from shareviz.formats._slots import Leaf, kind_note, slots
from shareviz.formats._states import Found, choose, is_module, leaves
from shareviz.snapshot import Snapshot, Source

SAVE = "Save the state dict, and open that."


@dataclass(frozen=True, slots=True)
class Unpickled:
    """What a file pickles: the root object, the foreign names in it, the bytes of each storage."""

    root: Any
    foreign: tuple[str, ...]
    stored: Mapping[str, int]


def snapshot_of(what: Unpickled, file: File, request: Request) -> Snapshot:
    """Return the state dict or pickled module in an object; its ties are those of its storages.

    Raises:
        FormatError: malformed, ambiguous (several state dicts), no-tensors, limit.
    """
    found = choose(what.root, request.pick, file.limits)
    tree = pickled_modules(found.value) if is_module(found.value) else None
    named = tree.leaves() if tree else leaves(found.value, file.limits)
    tensors, storages = slots(named, what.stored, file.limits)
    if not tensors:
        raise no_tensors(what.foreign)
    added, beside = stated_beside(tensors, request.companions, file.limits)
    tensors = (*tensors, *added)
    notes = (*_notes(found, what.foreign), *beside, *kind_note(tensors))
    source = Source("torch", file.name, notes)
    return Snapshot(tensors, tree.modules() if tree else (), storages=storages, source=source)


def named_leaves(root: Any, file: File, request: Request) -> Iterator[Leaf]:
    """Yield the tensors of the part of a checkpoint that `snapshot_of` opens, by the names it gives."""
    value = choose(root, request.pick, file.limits).value
    yield from pickled_modules(value).leaves() if is_module(value) else leaves(value, file.limits)


def no_tensors(foreign: tuple[str, ...]) -> Exception:
    """Return the error for a pickle without tensors, which lists the foreign names it holds."""
    if not foreign:
        return refuse("no-tensors", "This pickle holds no tensors.", SAVE)
    ran = "which was not run" if len(foreign) == 1 else "which were not run"
    said = f"This pickle holds no tensors. It names {names_in_words(foreign)}, {ran}."
    return refuse("no-tensors", said, SAVE)


def _notes(found: Found, foreign: tuple[str, ...]) -> Iterator[str]:
    """Yield which part of the file was opened, and what of it was not run."""
    if found.path:
        yield f"Opened {text.clean(found.path, 80)}, one part of the file."
    if is_module(found.value):
        yield "A pickled module: its tree is read from the classes that it names; nothing of it was run."
    elif foreign:
        count = text.plural(len(foreign), "foreign name")
        yield f"The pickle holds {count} ({names_in_words(foreign)}); nothing of it was run."
