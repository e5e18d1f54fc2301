"""An ONNX file: its stored tensors and the nodes that read them; no tensor byte is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from shareviz import text
from shareviz.formats._archive import Place
from shareviz.formats._base import Format, Request, Tells, refuse
from shareviz.formats._file import File
from shareviz.formats._onnx_graph import Graph, Model, model_of
from shareviz.formats._onnx_steps import Weight, named_tensors, steps_of, without_merged
from shareviz.formats._slots import Leaf, dense, is_integer, kind_note, kind_of, slots
from shareviz.formats._torch import Storage, TensorRecord
from shareviz.formats._wire import Wire
from shareviz.snapshot import Kind, Snapshot, Source, Tensor, contiguous, itemsize

# what may follow the version number that every exporter writes first: the fields of a model
_SECOND = (b"\x12", b"\x1a", b"\x22", b"\x28", b"\x32", b"\x3a", b"\x42", b"\x72")


def sniff(file: File) -> bool:
    """Whether the first fields are those of an ONNX model, or the first is and the suffix says so."""
    head = file.head
    starts = len(head) > 2 and head[0] == 0x08 and 0 < head[1] < 32
    return starts and (head[2:3] in _SECOND or file.suffix in FORMAT.suffixes)


def read(file: File, request: Request) -> Snapshot:
    """Return the stored tensors, and one step for each node; a tensor that two nodes read is one slot.

    Raises:
        FormatError: truncated, malformed, ambiguous, unsafe-path, unsupported, no-tensors, limit.
    """
    model = model_of(Wire(file))
    named = tuple(named_tensors(model.graph))
    outside = {key: nbytes for one in named for key, nbytes in _outside(one)}
    tensors, storages = slots(map(_leaf, named), outside, file.limits)
    if not tensors:
        raise refuse("no-tensors", "The graph stores no tensors.", "Open the file that holds the weights.")
    reads = {tensor.name: tensor.numel for tensor in tensors if tensor.counts}
    vectors = {tensor.name for tensor in tensors if len(tensor.shape) < 2}
    steps, merged = without_merged(steps_of(model.graph, reads, file.limits), vectors)
    notes = (*_notes(model, named, tensors), *_merged(merged), *kind_note(tensors))
    facts = (("producer", text.clean(model.producer, 80)), ("sizes", "unknown"))
    return Snapshot(tensors, storages=storages, steps=steps, source=Source("onnx", file.name, notes, facts))


def places(file: File, request: Request) -> Mapping[str, Place]:
    """Return where the bytes of each tensor stand in the file; those of other files are left out."""
    weights = named_tensors(model_of(Wire(file)).graph)
    found = ((one.name, one.stored.inside) for one in weights)
    return {name: Place(span.start, span.nbytes) for name, span in found if span is not None}


def _key(one: Weight) -> str:
    place = one.stored.outside
    return f"{place.location}@{place.offset}" if place else ""


def _outside(one: Weight) -> Iterator[tuple[str, int]]:
    """Yield the storage of a tensor that stands in another file, and its bytes."""
    if one.stored.outside:
        yield _key(one), _nbytes(one)


def _nbytes(one: Weight) -> int:
    return ceil(one.stored.numel * itemsize(one.stored.dtype))


def _leaf(one: Weight) -> Leaf:
    stored = one.stored
    record = dense(stored.dtype, stored.shape)
    if stored.outside:  # two tensors at one place of another file are one storage
        storage = Storage(_key(one), stored.dtype, _nbytes(one))
        record = TensorRecord(storage, stored.dtype, stored.shape, 0, contiguous(stored.shape))
    return Leaf(one.name, one.name.rpartition(".")[0], record, _kind(one))


def _kind(one: Weight) -> Kind:
    """Return UNKNOWN for whole numbers that are quantized weights, BUFFER for single numbers."""
    shape, dtype = one.stored.shape, one.stored.dtype
    if not shape:
        return Kind.BUFFER
    if _packed(dtype) and len(shape) > 1:
        return Kind.UNKNOWN
    return kind_of(one.name, dtype, shape)


def _packed(dtype: str) -> bool:
    return is_integer(dtype) and dtype != "bool" and itemsize(dtype) <= 1


def _notes(model: Model, named: Sequence[Weight], tensors: Sequence[Tensor]) -> Iterator[str]:
    inside = sum(one.constant for one in named)
    if inside:
        yield f"{text.plural(inside, 'weight is', 'weights are')} kept in Constant nodes, and counted."
    packed = sum(_packed(tensor.dtype) and tensor.counts for tensor in tensors)
    if packed:
        what = text.plural(packed, "matrix of whole numbers counts", "matrices of whole numbers count")
        yield f"{what} as weights: quantized files keep them so."
    places = {one.stored.outside.location: None for one in named if one.stored.outside}
    if places:
        yield f"Data stands in {text.listed(list(places))}, which is not needed for names and shapes."
    if _branches(model.graph):
        yield "What several branches read counts once, as one of them runs; so does the body of a loop."
    if model.functions:
        count = text.plural(model.functions, "function")
        yield f"The file defines {count} of its own; each call of one is a single step."


def _merged(vectors: int) -> Iterator[str]:
    """Yield the note on vectors with several readers, which need not have been one weight."""
    if vectors:
        yield (
            f"{text.plural(vectors, 'vector has', 'vectors have')} more readers than any matrix. Exporters "
            "merge equal constants, such as the norms of untrained layers: that is no sharing, and not "
            "counted as reuse."
        )


def _branches(graph: Graph) -> bool:
    return any(node.inner for node in graph.nodes)


FORMAT = Format(
    name="onnx",
    title="ONNX",
    tells=Tells(
        tree="weak: names of nodes",
        flow="yes",
        ties="a tensor that several nodes read",
        views="no",
        values="yes",
    ),
    sniff=sniff,
    read=read,
    source="onnx/onnx.proto, ONNX 1.23",
    suffixes=(".onnx",),
)
