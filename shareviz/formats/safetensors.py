"""A safetensors file: eight bytes, a JSON header, and the data, which is not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from shareviz import text
from shareviz.formats._archive import Place
from shareviz.formats._base import Format, Limits, Request, Tells, refuse
from shareviz.formats._beside import lacking
from shareviz.formats._file import File
from shareviz.formats._json import At, parse
from shareviz.formats._slots import Leaf, check_name, dense, kind_note, slots, too_many
from shareviz.snapshot import Evidence, Snapshot, Source, Tensor, itemsize

_LENGTH_BYTES = 8
_REDO = "Save the file again with safetensors."
_DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8"},
    **{"U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool"},
    **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"},
    **{"F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "C64": "complex64"},
}


def sniff(file: File) -> bool:
    """Whether an opening brace follows eight bytes that can be a length, or that the suffix calls one."""
    named = file.suffix == ".safetensors"
    follows = file.head[_LENGTH_BYTES : _LENGTH_BYTES + 1]
    return (follows == b"{" and (named or file.head[6:8] == b"\0\0")) or (named and not follows)


def read(file: File, request: Request) -> Snapshot:
    """Return the tensors that the header lists, and the names that it lacks, stated or inferred.

    Raises:
        FormatError: truncated (the header itself is cut off), malformed, ambiguous, limit.
    """
    header, start = _header(file)
    metadata = _metadata(At(header.get("__metadata__", {}), "__metadata__", file.limits))
    listed = [At(value, name, file.limits) for name, value in header.items() if name != "__metadata__"]
    if len(listed) > file.limits.tensors:
        raise too_many(file.limits)
    sized = [_sized(entry) for entry in listed]
    end = _check_offsets(sized, listed)
    tensors, storages = slots(_leaves(listed), {}, file.limits)
    if not tensors:
        raise refuse("no-tensors", "The header lists no tensors.", "Open the file that holds the weights.")
    tensors = (*tensors, *_stated(tensors, metadata, file.limits))
    stated = _stated_note(tensors)
    added, beside = lacking(tensors, request.companions, file)
    tensors = (*tensors, *added)
    notes = (*_length_note(file, start + end), *stated, *beside, *kind_note(tensors))
    return Snapshot(tensors, storages=storages, source=Source("safetensors", file.name, notes))


def places(file: File, request: Request) -> Mapping[str, Place]:
    """Return where each tensor that the file stores stands in it."""
    header, start = _header(file)
    found = {}
    for name, value in header.items():
        if name != "__metadata__":
            first, last = _sized(At(value, name, file.limits))
            found[name] = Place(start + first, last - first)
    return found


def _header(file: File) -> tuple[Mapping[str, Any], int]:
    """Return the header and where the data starts."""
    length = int.from_bytes(file.at(0, _LENGTH_BYTES), "little") if file.size >= _LENGTH_BYTES else 0
    start = _LENGTH_BYTES + length
    if length > file.limits.header_bytes:
        most = text.size(file.limits.header_bytes)
        said = f"The header claims to be {text.size(length)} long; at most {most} are read."
        raise refuse("limit", said, "Check that this is a safetensors file, and that it is whole.")
    if start > file.size:
        have, need = text.size(file.size), text.size(start)
        said = f"The header is cut off after {have} of {need}."
        raise refuse("truncated", said, "Upload the whole header.")
    header = parse(file.at(_LENGTH_BYTES, length), what="The header")
    return At(header, "The header", file.limits).fields(), start


def _metadata(metadata: At) -> Mapping[str, str]:
    if not all(isinstance(word, str) for word in metadata.fields().values()):
        raise metadata.wrong("an object of texts")
    return metadata.fields()


def _sized(entry: At) -> tuple[int, int]:
    """Return the offsets of a tensor, after checking them against its shape and type."""
    offsets = entry["data_offsets"].integers(2)
    shape = entry["shape"].shape()
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise entry["data_offsets"].wrong("two offsets, the first not above the second")
    need = int(prod(shape) * itemsize(_dtype(entry)))
    if offsets[1] - offsets[0] != need:
        have = text.exact(offsets[1] - offsets[0])
        said = f"{text.clean(entry.place, 80)} has {have} bytes; its shape and type need {text.exact(need)}."
        raise refuse("malformed", said, _REDO)
    return offsets[0], offsets[1]


def _dtype(entry: At) -> str:
    word = entry["dtype"].words(32)
    if word not in _DTYPES:
        said = f"{text.clean(entry.place, 80)} has elements of the type {text.clean(word, 20)}."
        raise refuse("unsupported", said, "Convert it to a type of at least eight bits for each element.")
    return _DTYPES[word]


def _check_offsets(sized: list[tuple[int, int]], listed: list[At]) -> int:
    """Return where the data ends; every byte of it belongs to one tensor."""
    end = 0
    for (first, last), entry in sorted(zip(sized, listed, strict=True), key=lambda pair: pair[0]):
        if first != end:
            what = "overlaps the tensor before it" if first < end else "leaves a gap before it"
            raise refuse("malformed", f"{text.clean(entry.place, 80)} {what}.", _REDO)
        end = last
    return end


def _leaves(listed: list[At]) -> Iterator[Leaf]:
    for entry in listed:
        record = dense(_DTYPES[entry["dtype"].value], entry["shape"].shape())
        yield Leaf(entry.place, entry.place.rpartition(".")[0], record)


def _stated(tensors: tuple[Tensor, ...], metadata: Mapping[str, str], limits: Limits) -> Iterator[Tensor]:
    """Yield the names that save_model dropped, on the region of the name that it kept."""
    kept = {tensor.name: tensor for tensor in tensors}
    for dropped, name in metadata.items():
        if name in kept and dropped not in kept:
            check_name(dropped, limits)
            module = dropped.rpartition(".")[0]
            yield replace(kept[name], name=dropped, module=module, evidence=Evidence.STATED)


def _stated_note(tensors: tuple[Tensor, ...]) -> tuple[str, ...]:
    stated = [tensor.name for tensor in tensors if tensor.evidence is Evidence.STATED]
    if not stated:
        return ()
    count = text.plural(len(stated), "tied name")
    return (f"The header states {count} that the file does not store: {text.listed(stated)}.",)


def _length_note(file: File, need: int) -> tuple[str, ...]:
    if file.size > need:
        extra = text.exact(file.size - need)
        raise refuse("malformed", f"{extra} bytes follow the last tensor.", _REDO)
    if file.size == need:
        return ()
    return (f"The file is cut off after {text.size(file.size)} of {text.size(need)}; its header is whole.",)


FORMAT = Format(
    name="safetensors",
    title="safetensors",
    tells=Tells(
        tree="names only",
        flow="no",
        ties="stated by metadata or a config, or inferred",
        views="no",
        values="yes",
    ),
    sniff=sniff,
    read=read,
    source="huggingface/safetensors, README, section Format",
    suffixes=(".safetensors",),
    beside=True,
)
