"""A TorchScript file: its objects as a tree, and its tensors; its code is text that is never run."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shareviz import text
from shareviz.formats._archive import Place, members, only, place_of, plain, storages
from shareviz.formats._base import Format, Request, Tells, refuse
from shareviz.formats._checkpoint import no_tensors
from shareviz.formats._file import File
from shareviz.formats._opcodes import Record
from shareviz.formats._pickle import ClosedUnpickler, names_in_words, unpickle
from shareviz.formats._script import Registers, registers
from shareviz.formats._slots import Leaf, kind_note, slots
from shareviz.formats._states import leaves, weigh
from shareviz.formats._torch import Storage, TensorRecord, builders, storage_of
from shareviz.paths import Tree, join, tree_of
from shareviz.snapshot import Kind, Module, Snapshot, Source, Tensor

_OURS = "__torch__."  # the scope of what a TorchScript file defines itself
_NATIVE = "__torch__.torch.classes."
_LISTS = ("intlist", "doublelist", "boollist", "tensorlist")


def sniff(file: File) -> bool:
    """Whether this is a zip with a `data.pkl` and a `constants.pkl` in its folder."""
    return bool(members(file, "data.pkl")) and bool(members(file, "constants.pkl"))


def read(file: File, request: Request) -> Snapshot:
    """Return the module in the file; its ties are those of its storages.

    Raises:
        FormatError: compressed, malformed, ambiguous, no-tensors, limit.
    """
    archive = _archive(file)
    script, kept, foreign = _unpickled(archive)
    tensors, found = slots(kept, archive.stored(), file.limits)
    if not tensors:
        raise no_tensors(foreign)
    folded = [tensor for tensor in tensors if tensor.name.startswith("CONSTANTS.")]
    source = Source("torchscript", file.name, (*_notes(foreign, folded), *kind_note(tensors)))
    return Snapshot(tensors, script.modules(), storages=found, source=source)


def places(file: File, request: Request) -> Mapping[str, Place]:
    """Return where the storage of each tensor stands in the file, by the names that `read` gives."""
    archive = _archive(file)
    known: dict[str, Place] = {}
    found: dict[str, Place] = {}
    for leaf in _unpickled(archive)[1]:
        storage = leaf.record.storage
        entry = file.entries.get(f"{archive.folder}{storage.key}") if storage else None
        if storage and entry:
            if storage.key not in known:
                known[storage.key] = place_of(file, entry)
            found[leaf.name] = known[storage.key]
    return found


def _archive(file: File) -> _Archive:
    return _Archive(file, only(file, "data.pkl").name.removesuffix("data.pkl"))


def _unpickled(archive: _Archive) -> tuple[_Script, list[Leaf], tuple[str, ...]]:
    """Return the tree of the objects, every tensor, and the foreign names in the pickles."""
    file = archive.file
    root, foreign = archive.unpickled("data")
    constants, more = archive.unpickled("constants")
    foreign = tuple(dict.fromkeys((*foreign, *more)))
    if not _is_module(root):
        raise no_tensors(foreign)
    script = _Script(tree_of(root, _children), registers(file, f"{archive.folder}code/"), file)
    weigh([*script.containers(), constants], file.limits)
    return script, [*script.leaves(), *_constants(constants, script, file)], foreign


@dataclass(frozen=True, slots=True)
class _Archive:
    """The two pickles of the file, each with storages of its own."""

    file: File
    folder: str

    def unpickled(self, name: str) -> tuple[Any, tuple[str, ...]]:
        """Return the root object of a pickle, and the foreign names in it."""
        limits = self.file.limits

        def storage(pid: Any) -> Storage:
            known = storage_of(pid)
            return replace(known, key=f"{name}/{known.key}")

        known: dict[str, Any] = {f"torch.jit._pickle.build_{kind}": _first for kind in _LISTS}
        known["torch.jit._pickle.restore_type_tag"] = _first
        data = plain(self.file, only(self.file, f"{name}.pkl"), limits.pickle_bytes)
        unpickler = ClosedUnpickler(
            io.BytesIO(data), builders={**builders(limits), **known}, storage=storage, limits=limits
        )
        root = unpickle(unpickler)
        return root, tuple(name for name in unpickler.foreign if not name.startswith(_OURS))

    def stored(self) -> Mapping[str, int]:
        """Return the bytes of each storage, by folder and key."""
        return {
            f"{name}/{key}": nbytes
            for name in ("data", "constants")
            for key, nbytes in storages(self.file, f"{self.folder}{name}/").items()
        }


@dataclass(frozen=True, slots=True)
class _Script:
    tree: Tree[Record]
    registers: Mapping[str, Registers]
    file: File

    def modules(self) -> tuple[Module, ...]:
        """Return the tree as a Snapshot holds it."""
        paths, counts = self.tree.paths, self.tree.counts
        return tuple(
            Module(paths[id(record)][0], record.maker.short, tuple(paths[id(record)][1:]), counts[id(record)])
            for record in self.tree.order
        )

    def containers(self) -> Iterator[Any]:
        """Yield the attributes that may hold tensors without being one, or a module."""
        for record in self.tree.order:
            yield from filter(_is_container, _attributes(record).values())

    def leaves(self) -> Iterator[Leaf]:
        """Yield the tensors of each module under its first path, named by their attributes."""
        for record in self.tree.order:
            path = self.tree.paths[id(record)][0]
            known = self.registers.get(record.maker.name) if isinstance(record.state, dict) else None
            for name, value in _attributes(record).items():
                if isinstance(value, TensorRecord):
                    yield Leaf(join(path, name), path, value, known.kind(name) if known else None)
                elif _is_container(value):
                    # packed weights are objects of a class in C++; a list holds state, no weights
                    kind = None if isinstance(value, Record) else Kind.BUFFER
                    for leaf in leaves({name: value}, self.file.limits):
                        yield Leaf(join(path, leaf.name), path, leaf.record, kind)


def _first(value: Any, *_rest: Any) -> Any:
    return value


def _is_module(value: Any) -> bool:
    """Whether this is an object of a class that the file defines, not one of a class in C++."""
    name = value.maker.name if isinstance(value, Record) else ""
    return name.startswith(_OURS) and not name.startswith(_NATIVE)


def _attributes(record: Record) -> Mapping[str, Any]:
    """Return the attributes of an object; where its class has a `__getstate__`, what that made."""
    state = record.state
    if isinstance(state, dict):
        return {str(name): value for name, value in state.items()}
    parts = state if isinstance(state, (tuple, list)) else (state,)
    return {str(i): value for i, value in enumerate(parts)}


def _is_container(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple, Record)) and not _is_module(value)


def _children(module: Record) -> list[tuple[str, Record]]:
    return [(name, child) for name, child in _attributes(module).items() if _is_module(child)]


def _constants(constants: Any, script: _Script, file: File) -> Iterator[Leaf]:
    """Yield the tensors that the code holds: weights, where a model without any other was frozen."""
    frozen = not any(known.parameters for known in script.registers.values())
    if not isinstance(constants, (tuple, list)):
        raise refuse(
            "malformed", "constants.pkl holds no tuple.", "Save the model again with torch.jit.save."
        )
    for leaf in leaves({f"c{i}": value for i, value in enumerate(constants)}, file.limits):
        yield Leaf(f"CONSTANTS.{leaf.name}", "", leaf.record, None if frozen else Kind.BUFFER)


def _notes(foreign: tuple[str, ...], folded: list[Tensor]) -> Iterator[str]:
    yield "TorchScript: its tree is read from its objects; its code is text, and none of it was run."
    if folded:
        said = text.plural(len(folded), "tensor is a constant", "tensors are constants")
        weights = any(tensor.counts for tensor in folded)
        yield f"{said} of the code{': freezing the model moved its weights there' if weights else ''}."
    if foreign:
        yield f"The pickle holds {text.plural(len(foreign), 'foreign name')} ({names_in_words(foreign)})."


FORMAT = Format(
    name="torchscript",
    title="TorchScript (.pt, .jit)",
    tells=Tells(tree="yes, as class attributes", flow="no", ties="by storage", views="yes", values="yes"),
    sniff=sniff,
    read=read,
    source="torch/csrc/jit/serialization/export_module.cpp and pickler.cpp, torch 2.13",
    suffixes=(".pt", ".jit", ".ts"),
)
