"""A `.pt2` file of torch.export: its JSON members alone, which list weights, modules and the graph.

Its pickled members (sample inputs, objects, tensor subclasses) could run code and are not opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from shareviz import text
from shareviz.errors import Part
from shareviz.formats._archive import Place, place_of, plain
from shareviz.formats._base import Format, Request, Tells, refuse, which
from shareviz.formats._export_graph import exported
from shareviz.formats._export_tensor import dtype_of, geometry
from shareviz.formats._file import File
from shareviz.formats._json import At, parse
from shareviz.formats._slots import Leaf, dense, slots, too_many
from shareviz.formats._torch import Storage, TensorRecord
from shareviz.snapshot import Kind, Snapshot, Source

_MODEL = re.compile(r"((?:[^/]+/)?)models/([^/]+)\.json")
_AGAIN = "Save the program again with torch.export.save."
_WEIGHTS, _CONSTANTS = "data/weights/", "data/constants/"


def sniff(file: File) -> bool:
    """Whether this is a zip with a `models/NAME.json`."""
    return any(map(_MODEL.fullmatch, file.entries))


def read(file: File, request: Request) -> Snapshot:
    """Return the program in the file: its weights, the modules that ran, and one step for each node.

    Raises:
        FormatError: malformed, ambiguous (several programs), compressed, no-tensors, limit.
    """
    archive = _chosen(file, request.pick)
    payloads = [*archive.payloads(_WEIGHTS), *archive.payloads(_CONSTANTS)]
    if len(payloads) > file.limits.tensors:
        raise too_many(file.limits)
    objects = [payload for payload in payloads if payload.meta.value is None]
    weights = [payload for payload in payloads if payload.meta.value is not None]
    tensors, storages = slots(map(_leaf, weights), archive.stored(), file.limits)
    if not tensors:
        raise refuse("no-tensors", "The program has no weights.", "Export a model that has some.")
    lasting = {payload.name for payload in payloads if payload.folder == _WEIGHTS}
    tensors = tuple(replace(tensor, persistent=tensor.name in lasting) for tensor in tensors)
    known = Snapshot(tensors, storages=storages)
    program = exported(archive.json(f"models/{archive.name}.json"), known)
    notes = (*_notes(archive, objects, weights), *program.notes)
    source = Source("torch-export", file.name, notes)
    return replace(known, modules=program.modules, steps=program.steps, source=source)


def places(file: File, request: Request) -> Mapping[str, Place]:
    """Return where the storage of each tensor stands in the file; pickled ones are left out."""
    archive = _chosen(file, request.pick)
    payloads = (*archive.payloads(_WEIGHTS), *archive.payloads(_CONSTANTS))
    plainly = [one for one in payloads if one.meta.value is not None and not one.pickled]
    entries = {one.name: file.entries.get(f"{archive.folder}{one.folder}{one.path}") for one in plainly}
    return {name: place_of(file, entry) for name, entry in entries.items() if entry and entry.stored}


@dataclass(frozen=True, slots=True)
class _Payload:
    """What one name of the program stores: the member, and how a tensor lies in it."""

    name: str
    folder: str
    path: str
    parameter: bool
    pickled: bool
    meta: At


@dataclass(frozen=True, slots=True)
class _Archive:
    file: File
    folder: str
    name: str

    def json(self, path: str) -> At:
        """Return a JSON member."""
        entry = self.file.entries.get(f"{self.folder}{path}")
        shown = text.clean(path.rpartition("/")[2], 80)
        if entry is None:
            raise refuse("malformed", f"The file holds no {shown}.", _AGAIN)
        data = plain(self.file, entry, self.file.limits.header_bytes)
        return At(parse(data, what=shown, constants=True), shown, self.file.limits)

    def payloads(self, folder: str) -> Iterator[_Payload]:
        """Yield what the names of the weights, or of the constants, store."""
        kind = folder.split("/")[1]
        config = self.json(f"{folder}{self.name}_{kind}_config.json")["config"]
        for name in config.fields():
            entry = config[name]
            parameter, pickled = entry["is_param"].flag(), entry["use_pickle"].flag()
            path = entry["path_name"].name()
            yield _Payload(name, folder, path, parameter, pickled, entry["tensor_meta"])

    def stored(self) -> Mapping[str, int]:
        """Return the bytes of each member that holds weights or constants, by its folder and name."""
        starts = (f"{self.folder}{_WEIGHTS}", f"{self.folder}{_CONSTANTS}")
        return {
            name.removeprefix(self.folder): entry.nbytes
            for name, entry in self.file.entries.items()
            if name.startswith(starts)
        }


def _chosen(file: File, pick: str | None) -> _Archive:
    """Return the program that was picked, or the only one."""
    found = {match[2]: match[1] for match in map(_MODEL.fullmatch, file.entries) if match}
    name = next(iter(found)) if pick is None else pick
    if name not in found or (pick is None and len(found) > 1):
        said = f"The file holds {text.plural(len(found), 'program')}: {text.listed(list(found), 6)}."
        raise which(said, "Pick one of them by its name.", map(Part, found), file.limits)
    return _Archive(file, found[name], name)


def _leaf(payload: _Payload) -> Leaf:
    kind = Kind.PARAMETER if payload.parameter else Kind.BUFFER
    dtype = dtype_of(payload.meta)
    shape, stride, offset = geometry(payload.meta)
    record = dense(dtype, shape)
    if not payload.pickled:
        # the name of a member is looked up in the directory, and is never a path
        storage = Storage(f"{payload.folder}{payload.path}", dtype, 0)
        record = TensorRecord(storage, dtype, shape, offset, stride)
    return Leaf(payload.name, payload.name.rpartition(".")[0], record, kind)


def _notes(archive: _Archive, objects: list[_Payload], weights: list[_Payload]) -> Iterator[str]:
    if any(f"{archive.folder}data/sample_inputs/" in name for name in archive.file.entries):
        yield "The sample inputs are pickled, and were not opened."
    if objects:
        names = text.listed([payload.name for payload in objects])
        yield f"{text.plural(len(objects), 'object')} of other kinds were not opened: {names}."
    pickled = [payload.name for payload in weights if payload.pickled]
    if pickled:
        many = text.plural(len(pickled), "tensor is pickled", "tensors are pickled")
        yield f"{many}, so ties among them are not known: {text.listed(pickled)}."


FORMAT = Format(
    name="torch-export",
    title="torch.export program (.pt2)",
    tells=Tells(tree="of the modules that ran", flow="yes", ties="by storage", views="yes", values="yes"),
    sniff=sniff,
    read=read,
    source="torch/export/pt2_archive/_package.py and torch/_export/serde/schema.py, torch 2.13",
    suffixes=(".pt2",),
    picks=True,
)
