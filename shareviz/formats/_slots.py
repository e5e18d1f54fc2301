"""From the tensors of a file to a Snapshot: checks, storages numbered, parameters and buffers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, prod

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Code, Limits, refuse
from shareviz.formats._torch import TensorRecord
from shareviz.snapshot import Evidence, Kind, Region, Tensor, contiguous, itemsize

_BUFFERS = {
    *("running_mean", "running_var", "num_batches_tracked", "position_ids", "token_type_ids"),
    *("inv_freq", "original_inv_freq", "cos_cached", "sin_cached", "relative_position_index"),
    *("masked_bias", "attn_mask", "causal_mask"),
}
_REDO = "Save the checkpoint again with torch.save."


@dataclass(frozen=True, slots=True)
class Leaf:
    """One named tensor of a file; `kind` is None where the file does not say what it is."""

    name: str
    module: str
    record: TensorRecord
    kind: Kind | None = None


@dataclass(slots=True)
class _Found:
    sizes: Mapping[str, int]  # bytes of each stored storage, by key
    numbers: dict[str, int] = field(default_factory=dict)
    nbytes: list[int] = field(default_factory=list)


def slots(
    leaves: Iterable[Leaf], sizes: Mapping[str, int], limits: Limits
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """Return the tensors, and the bytes of their storages, numbered by first appearance.

    Raises:
        FormatError: malformed (no such storage, too short, a view outside of it, a negative
            stride), ambiguous (one name twice), bad-name, unsupported (an unknown dtype), limit.
    """
    found = _Found(sizes)
    tensors: dict[str, Tensor] = {}
    for leaf in leaves:
        check_name(leaf.name, limits)
        if leaf.name in tensors:
            raise refuse("ambiguous", f"Two tensors are named {text.clean(leaf.name, 80)}.", _REDO)
        if len(tensors) >= limits.tensors:
            raise too_many(limits)
        tensors[leaf.name] = _slot(leaf, found, limits)
    return tuple(tensors.values()), tuple(found.nbytes)


def kind_of(name: str, dtype: str, shape: tuple[int, ...]) -> Kind:
    """Return BUFFER for integers and well-known buffer names, else UNKNOWN.

    Example:
        >>> kind_of("bn.running_mean", "float32", (8,)), kind_of("fc.weight", "float32", (8, 8))
        (<Kind.BUFFER: 'buffer'>, <Kind.UNKNOWN: 'unknown'>)
    """
    last = name.rpartition(".")[2]
    if is_integer(dtype) or last in _BUFFERS:
        return Kind.BUFFER
    # GPT-2's causal mask is a float called bias in old files, a million elements in each layer
    mask = last == "bias" and len(shape) == 4 and shape[:2] == (1, 1) and shape[2] == shape[3]
    return Kind.BUFFER if mask else Kind.UNKNOWN


def is_integer(dtype: str) -> bool:
    """Whether elements of a type are whole numbers or truth values; quantized weights are weights."""
    return dtype.startswith(("int", "uint", "bool"))


def kind_note(tensors: Iterable[Tensor]) -> tuple[str, ...]:
    """Return the note that says how parameters were told from buffers, none where the file says it."""
    kinds = [tensor.kind for tensor in tensors]
    if Kind.UNKNOWN not in kinds:
        return ()
    counted, buffers = len(kinds) - kinds.count(Kind.BUFFER), kinds.count(Kind.BUFFER)
    if not buffers:
        return ("The file does not say which tensors are parameters: all of them count as parameters.",)
    return (
        "The file does not say which tensors are parameters: "
        f"{text.plural(counted, 'tensor counts', 'tensors count')} as parameters, "
        f"{text.exact(buffers)} as buffers (integers, and names such as running_mean).",
    )


def check_name(name: str, limits: Limits) -> None:
    """Refuse a name of too many characters or parts, or no Unicode text; any other is kept as it is."""
    if len(name) > limits.name_chars:
        shown = f"{text.clean(name, 40)} has {text.exact(len(name))} characters"
        raise refuse("limit", f"A name that starts {shown}; at most {limits.name_chars} are read.", _REDO)
    if name.count(".") >= 2 * limits.nesting:
        said = f"{text.clean(name, 80)} has more than {2 * limits.nesting} parts"
        raise refuse("limit", f"{said}; no model nests that deep.", _REDO)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise refuse("bad-name", f"The name {text.clean(name, 80)} is no valid text.", _REDO) from error


def too_many(limits: Limits) -> FormatError:
    """Return the error for a file with more tensors than are read."""
    shown = text.exact(limits.tensors)
    return refuse("limit", f"The file holds more than {shown} tensors.", "Open a smaller part of the model.")


def check_shape(name: str, shape: tuple[int, ...], limits: Limits) -> None:
    """Refuse more dimensions or elements than any model has, and negative sizes."""
    if len(shape) > limits.dimensions:
        raise _refuse("limit", name, f"has {text.exact(len(shape))} dimensions")
    if min(shape, default=0) < 0:
        raise _refuse("malformed", name, "has a negative size")
    if prod(max(size, 1) for size in shape) > limits.elements:  # a size of 0 excuses no other
        raise _refuse("limit", name, "claims more than 2⁴⁸ elements")


def _slot(leaf: Leaf, found: _Found, limits: Limits) -> Tensor:
    record = leaf.record
    check_shape(leaf.name, record.shape, limits)
    try:
        element = itemsize(record.dtype)
    except ValueError as error:
        raise _refuse("unsupported", leaf.name, f"has elements of the type {record.dtype}") from error
    if len(record.stride) != len(record.shape) or record.offset < 0 or min(record.stride, default=0) < 0:
        raise _refuse("malformed", leaf.name, "has strides that torch does not make")
    number = _storage(leaf, found)
    last = record.offset + 1
    last += sum((size - 1) * step for size, step in zip(record.shape, record.stride, strict=True))
    if 0 not in record.shape and last * element > found.nbytes[number]:
        have, need = text.exact(found.nbytes[number]), text.exact(ceil(last * element))
        raise _refuse("malformed", leaf.name, f"reaches byte {need} of a storage of {have}")
    return Tensor(
        leaf.name,
        leaf.module,
        record.shape,
        record.dtype,
        Region(number, int(record.offset * element), record.stride, record.flags),
        object=None,
        kind=leaf.kind or kind_of(leaf.name, record.dtype, record.shape),
        evidence=Evidence.STORAGE,
    )


def _storage(leaf: Leaf, found: _Found) -> int:
    """Return the number of the storage, a new one where it is met for the first time."""
    storage = leaf.record.storage
    if storage is None:  # saved from meta: the file keeps no storage, so each tensor gets its own
        found.nbytes.append(ceil(prod(leaf.record.shape) * itemsize(leaf.record.dtype)))
        return len(found.nbytes) - 1
    nbytes = found.sizes.get(storage.key)
    if nbytes is None:
        key = text.clean(storage.key, 80)
        raise _refuse("malformed", leaf.name, f"reads the storage {key}, which the file does not hold")
    if nbytes < storage.nbytes:
        have, need = text.exact(nbytes), text.exact(storage.nbytes)
        raise _refuse("malformed", leaf.name, f"reads a storage of {need} bytes; the file holds {have}")
    if storage.key not in found.numbers:
        found.numbers[storage.key] = len(found.nbytes)
        found.nbytes.append(nbytes)
    return found.numbers[storage.key]


def _refuse(code: Code, name: str, what: str) -> FormatError:
    hint = "Convert it to a type that torch names." if code == "unsupported" else _REDO
    return refuse(code, f"{text.clean(name, 80)} {what}.", hint)


def dense(dtype: str, shape: tuple[int, ...]) -> TensorRecord:
    """Return the record of a tensor that has memory of its own."""
    return TensorRecord(None, dtype, shape, 0, contiguous(shape))
