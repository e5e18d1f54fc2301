"""A GGUF file, as llama.cpp reads it: its keys and tensor list; the quantized data is not read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._archive import Place
from shareviz.formats._base import Code, Format, Request, Tells, refuse
from shareviz.formats._file import File
from shareviz.formats._gguf_header import Reader
from shareviz.formats._slots import Leaf, check_name, check_shape, dense, kind_note, slots, too_many
from shareviz.snapshot import Evidence, Kind, Snapshot, Source, Tensor, itemsize

_REDO = "Convert or download the model again."
_TABLE, _HEAD = "token_embd.weight", "output.weight"
# models without an output head, so that a missing one says nothing
_HEADLESS = re.compile(r"bert|clip|encoder|embedding|wavtokenizer|vision|audio")
_ROPE = re.compile(r"(^|\.)rope_(freqs|factors_(long|short))\.weight$")
# ggml's numbers of types: (name, elements in a block)
_TYPES: Mapping[int, tuple[str, int]] = {
    **{0: ("float32", 1), 1: ("float16", 1), 30: ("bfloat16", 1), 28: ("float64", 1)},
    **{24: ("int8", 1), 25: ("int16", 1), 26: ("int32", 1), 27: ("int64", 1)},
    **{2: ("q4_0", 32), 3: ("q4_1", 32), 6: ("q5_0", 32), 7: ("q5_1", 32), 8: ("q8_0", 32)},
    **{10: ("q2_k", 256), 11: ("q3_k", 256), 12: ("q4_k", 256), 13: ("q5_k", 256), 14: ("q6_k", 256)},
    **{15: ("q8_k", 256), 16: ("iq2_xxs", 256), 17: ("iq2_xs", 256), 18: ("iq3_xxs", 256)},
    **{19: ("iq1_s", 256), 20: ("iq4_nl", 32), 21: ("iq3_s", 256), 22: ("iq2_s", 256), 23: ("iq4_xs", 256)},
    **{29: ("iq1_m", 256), 34: ("tq1_0", 256), 35: ("tq2_0", 256), 39: ("mxfp4", 32), 40: ("nvfp4", 64)},
    41: ("q1_0", 128),
}


@dataclass(frozen=True, slots=True)
class _Listed:
    """One tensor of the list; `shape` is in torch's order, `offset` counts from the data's start."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int

    @property
    def nbytes(self) -> int:
        return int(prod(self.shape) * itemsize(self.dtype))


def sniff(file: File) -> bool:
    """Whether the file starts with GGUF's four letters, in either order."""
    return file.head.startswith((b"GGUF", b"FUGG"))


def read(file: File, request: Request) -> Snapshot:
    """Return the listed tensors; where the head is left out, it is the token table: GGUF's rule.

    Raises:
        FormatError: truncated (within the header), malformed (a big-endian file among others),
            ambiguous, unsupported (version 1, an unknown type), bad-name, no-tensors, limit.
    """
    header = _header(file)
    tensors, storages = slots(_leaves(header.listed), {}, file.limits)
    tensors = (*tensors, *_tied_head(tensors, header.facts))
    notes = (*_notes(tensors, header.facts), *_length_note(file, header.end), *kind_note(tensors))
    return Snapshot(tensors, storages=storages, source=Source("gguf", _title(file, header.facts), notes))


def places(file: File, request: Request) -> Mapping[str, Place]:
    """Return where the bytes of each listed tensor stand in the file, quantized ones as they are."""
    header = _header(file)
    return {one.name: Place(header.start + one.offset, one.nbytes) for one in header.listed}


@dataclass(frozen=True, slots=True)
class _Header:
    """The keys and the list of a file, and where its data starts and ends."""

    facts: Mapping[str, str | int]
    listed: Sequence[_Listed]
    start: int
    end: int


def _header(file: File) -> _Header:
    reader = Reader(file)
    count, keys = reader.counts()
    facts = reader.keys(keys)
    if count > file.limits.tensors:
        raise too_many(file.limits)
    listed = [_listed(reader, file) for _ in range(count)]
    if not listed:
        raise refuse("no-tensors", "The file lists no tensors.", "Open the file that holds the weights.")
    alignment = facts.get("general.alignment", 32)
    start, end = _data(listed, reader.at, alignment if isinstance(alignment, int) else 0)
    return _Header(facts, listed, start, end)


def _listed(reader: Reader, file: File) -> _Listed:
    name = reader.text("The name of a tensor")
    check_name(name, file.limits)
    dimensions = reader.u32()
    if dimensions > file.limits.dimensions:
        raise _refuse("limit", name, f"has {text.exact(dimensions)} dimensions")
    shape = tuple(reader.u64() for _ in range(dimensions))[::-1]
    check_shape(name, shape, file.limits)
    kind, offset = reader.u32(), reader.u64()
    if kind not in _TYPES:
        raise _refuse("unsupported", name, f"has elements of the type {kind} of ggml")
    dtype, block = _TYPES[kind]
    if block > 1 and (not shape or shape[-1] % block):
        raise _refuse("malformed", name, f"has rows that are no whole blocks of {block} elements")
    return _Listed(name, shape, dtype, offset)


def _data(listed: Sequence[_Listed], header: int, alignment: int) -> tuple[int, int]:
    """Return where the data starts and ends; each tensor starts where the one before it, padded, ends."""
    if alignment <= 0 or alignment & (alignment - 1) or alignment > 2**20:
        said = "The key general.alignment is no power of two that can be used."
        raise refuse("malformed", said, _REDO)
    start = _padded(header, alignment)
    end = at = 0
    for tensor in listed:
        if tensor.offset != at:
            what = "overlaps the tensor before it" if tensor.offset < at else "leaves a gap before it"
            raise _refuse("malformed", tensor.name, what)
        end = at + tensor.nbytes
        at = _padded(end, alignment)
    return start, start + end


def _padded(length: int, alignment: int) -> int:
    return -(-length // alignment) * alignment


def _leaves(listed: Iterable[_Listed]) -> Iterator[Leaf]:
    for tensor in listed:
        kind = Kind.BUFFER if _ROPE.search(tensor.name) else None
        record = dense(tensor.dtype, tensor.shape)
        yield Leaf(tensor.name, tensor.name.rpartition(".")[0], record, kind)


def _tied_head(tensors: tuple[Tensor, ...], facts: Mapping[str, str | int]) -> Iterator[Tensor]:
    """Yield the head on the token table's region, where only that is stored."""
    named = {tensor.name: tensor for tensor in tensors}
    architecture = str(facts.get("general.architecture", ""))
    whole = facts.get("general.type", "model") == "model" and facts.get("split.count", 1) in (0, 1)
    if _TABLE in named and _HEAD not in named and whole and not _HEADLESS.search(architecture):
        module = _HEAD.rpartition(".")[0]
        yield replace(named[_TABLE], name=_HEAD, module=module, evidence=Evidence.INFERRED)


def _notes(tensors: tuple[Tensor, ...], facts: Mapping[str, str | int]) -> Iterator[str]:
    yield "GGUF lists sizes from the fastest axis; the shapes here are in torch's order."
    if any(tensor.evidence is Evidence.INFERRED for tensor in tensors):
        yield f"The file stores no {_HEAD}: by GGUF's rule the head then reads {_TABLE}."
    parts = facts.get("split.count", 1)
    if isinstance(parts, int) and parts > 1:
        yield f"This is one of {text.exact(parts)} files of a model; the others are not counted."


def _length_note(file: File, end: int) -> Iterator[str]:
    if file.size < end:
        yield f"The file is cut off after {text.size(file.size)} of {text.size(end)}; its header is whole."


def _title(file: File, facts: Mapping[str, str | int]) -> str:
    name = str(facts.get("general.name", "")).strip()
    return text.clean(name, 80) if name else file.name


def _refuse(code: Code, name: str, what: str) -> FormatError:
    return refuse(code, f"{text.clean(name, 80)} {what}.", _REDO)


FORMAT = Format(
    name="gguf",
    title="GGUF",
    tells=Tells(
        tree="names only",
        flow="no",
        ties="inferred, where the head is left out",
        views="no",
        values="quantized",
    ),
    sniff=sniff,
    read=read,
    source="ggml-org/ggml, docs/gguf.md, versions 2 and 3",
    suffixes=(".gguf",),
)
