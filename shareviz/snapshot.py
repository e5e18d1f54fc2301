"""What is there: the slots, modules, storages and steps of one model, as plain frozen data.

A Snapshot never holds weights. Every number on every page is computed from one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import ceil, prod

from shareviz.forms import Form

TORCH_BYTES: Mapping[str, float] = {
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32", "complex32"), 4),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool", "float8_e4m3fn", "float8_e5m2"), 1),
    **dict.fromkeys(("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"), 1),
    **dict.fromkeys(("qint8", "quint8", "float4_e2m1fn_x2"), 1),
    "qint32": 4,
    "complex128": 16,
}

# Packed types of other files, in bytes for one element: each is a whole number over a power of two,
# so counting bytes with them is exact. Source: ONNX IR, TensorProto; ggml, ggml-common.h (blocks).
PACKED_BYTES: Mapping[str, float] = {
    **{"int4": 1 / 2, "uint4": 1 / 2, "float4_e2m1": 1 / 2, "int2": 1 / 4, "uint2": 1 / 4},
    **{"float6_e2m3": 3 / 4, "float6_e3m2": 3 / 4},
    **{"q4_0": 18 / 32, "q4_1": 20 / 32, "q5_0": 22 / 32, "q5_1": 24 / 32, "q8_0": 34 / 32},
    **{"q2_k": 84 / 256, "q3_k": 110 / 256, "q4_k": 144 / 256, "q5_k": 176 / 256, "q6_k": 210 / 256},
    **{"q8_k": 292 / 256, "iq1_s": 50 / 256, "iq1_m": 56 / 256, "iq2_xxs": 66 / 256, "iq2_xs": 74 / 256},
    **{"iq2_s": 82 / 256, "iq3_xxs": 98 / 256, "iq3_s": 110 / 256, "iq4_nl": 18 / 32, "iq4_xs": 136 / 256},
    **{"tq1_0": 54 / 256, "tq2_0": 66 / 256, "mxfp4": 17 / 32, "nvfp4": 36 / 64, "q1_0": 18 / 128},
}

DTYPE_BYTES: Mapping[str, float] = {**TORCH_BYTES, **PACKED_BYTES}


class Kind(StrEnum):
    """What a slot is. `unknown`: a float in a file, counted as a parameter."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """How we know which elements a slot reads."""

    OBJECT = "object"
    STORAGE = "storage"
    STATED = "stated"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Region:
    """The strided part of a storage that a tensor reads.

    `storage` is numbered by first appearance, `offset` is in bytes, `stride` in elements;
    `flags` holds "conj" and "neg" where the view applies them.
    """

    storage: int
    offset: int
    stride: tuple[int, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tensor:
    """One slot: one attribute of one module object, or one key of a file.

    `object` numbers the tensor objects by first appearance (equal: one optimizer entry) and is
    None for a file, as is `trainable`. `region` is None where no storage is known (lazy modules).
    """

    name: str
    module: str
    shape: tuple[int, ...]
    dtype: str
    region: Region | None
    object: int | None = None
    kind: Kind = Kind.PARAMETER
    trainable: bool | None = None
    persistent: bool = True
    evidence: Evidence = Evidence.OBJECT

    @property
    def numel(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements, were each stored once; a packed type fills its last byte."""
        return ceil(self.numel * itemsize(self.dtype))

    @property
    def counts(self) -> bool:
        """Whether it counts as a parameter; buffers are in no count."""
        return self.kind is not Kind.BUFFER


@dataclass(frozen=True, slots=True)
class Derived:
    """A weight that is computed at each access and stores nothing.

    `form` is one of ours, or the class name of a foreign parametrization; `reads` names the
    tensors that it is made of, in the order of the form's pieces.
    """

    name: str
    module: str
    shape: tuple[int, ...]
    form: Form | str
    reads: tuple[str, ...]

    @property
    def numel(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Module:
    """One module object. `path` is its first path, "" the root; `aliases` are further ones.

    `aliases` is capped at `ALIAS_LIMIT`; `paths` counts them all, exactly, and is 0 on a cycle's
    endless set. `facts` are (name, integer) pairs such as ("heads", 12).
    """

    path: str
    cls: str
    aliases: tuple[str, ...] = ()
    paths: int = 1
    facts: tuple[tuple[str, int], ...] = ()


ALIAS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Step:
    """One non-view operation of the traced forward pass.

    `module` is the path of the module that runs, `call` the how manyeth of its calls, from 0.
    `reads` pairs each parameter slot or derived weight with the number of its elements taken.
    `inputs` are the positions of the steps whose results it takes; `makes` names the derived
    weight whose making it is part of, or is "". `flops` counts a multiply-add as two.
    """

    op: str
    module: str
    call: int
    reads: tuple[tuple[str, int], ...] = ()
    inputs: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    flops: int = 0
    makes: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a Snapshot came from: a kind such as "safetensors", a title, and notes in words.

    `facts` are (name, value) pairs that views may use: the traced length, a declared flag.
    """

    kind: str = "module"
    title: str = "model"
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()

    def fact(self, name: str) -> str | None:
        """Return the value of a fact, or None."""
        return dict(self.facts).get(name)


@dataclass(frozen=True)
class Snapshot:
    """One model as data. `steps` is None where the forward pass is not known.

    `storages` holds the bytes of each storage, by number. Two snapshots are equal when their
    names, regions, objects, storages and tree are; steps and source take no part.
    """

    tensors: tuple[Tensor, ...]
    modules: tuple[Module, ...] = ()
    derived: tuple[Derived, ...] = ()
    storages: tuple[int, ...] = ()
    steps: tuple[Step, ...] | None = field(default=None, compare=False)
    source: Source = field(default=Source(), compare=False)

    def __post_init__(self) -> None:
        names = [slot.name for slot in self.tensors] + [slot.name for slot in self.derived]
        if len(set(names)) < len(names):
            raise ValueError(f"two slots have the name {first_repeated(names)!r}")
        for tensor in self.tensors:
            if tensor.region and not 0 <= tensor.region.storage < len(self.storages):
                raise ValueError(f"{tensor.name}: storage {tensor.region.storage} does not exist")

    @cached_property
    def by_name(self) -> Mapping[str, Tensor]:
        """Tensors by their first name."""
        return {tensor.name: tensor for tensor in self.tensors}

    @cached_property
    def derived_by_name(self) -> Mapping[str, Derived]:
        """Derived weights by their first name."""
        return {derived.name: derived for derived in self.derived}

    @cached_property
    def by_path(self) -> Mapping[str, Module]:
        """Modules by their first path."""
        return {module.path: module for module in self.modules}

    @cached_property
    def pieces(self) -> frozenset[str]:
        """Names of the tensors that only make derived weights."""
        return frozenset(name for derived in self.derived for name in derived.reads)

    def parameters(self) -> Iterator[Tensor]:
        """Yield the tensors that count as parameters, in definition order."""
        return (tensor for tensor in self.tensors if tensor.counts)

    def names_of(self, slot: Tensor | Derived) -> tuple[str, ...]:
        """Return every name of a slot: its first, then one for each further path to its module."""
        module = self.by_path.get(slot.module)
        if module is None or not module.aliases:
            return (slot.name,)
        rest = slot.name[len(slot.module) :].lstrip(".")
        return (slot.name, *(f"{alias}.{rest}" if alias else rest for alias in module.aliases))


def first_repeated(names: Iterable[str]) -> str | None:
    """Return the first name that stood before, or None."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def itemsize(dtype: str) -> float:
    """Return the bytes of one element, a fraction for packed types; an unknown one is a ValueError."""
    try:
        return DTYPE_BYTES[dtype]
    except KeyError:
        raise ValueError(f"unknown dtype {dtype!r}") from None


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides, in elements, of a dense tensor of this shape.

    Example:
        >>> contiguous((2, 3, 4))
        (12, 4, 1)
    """
    strides: list[int] = []
    step = 1
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))
