"""Parts of memory with their names, and the reading of their elements in logical order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np

from shareviz import geometry
from shareviz.errors import SharevizError
from shareviz.sharing import components
from shareviz.snapshot import Snapshot, Tensor, contiguous, itemsize

CHUNK_BYTES = 2**20  # two streams of this size stay in the cache; 8 MiB takes three times as long
SPREAD = 16  # a view over more than this many times its own bytes is not read


class Values(Protocol):
    """Bytes of storages by the name of a slot, read on request."""

    @property
    def bytes_read(self) -> int:
        """How many bytes were read so far."""

    def nbytes(self, name: str) -> int | None:
        """Return how many bytes of a slot's storage are at hand; None: none of them."""

    def read(self, name: str, start: int, nbytes: int) -> bytes:
        """Return bytes of a slot's storage."""


@dataclass(frozen=True)
class Block:
    """One part of memory, and the slots that read exactly it.

    `group` numbers the parts that overlap, which are tied and so no copies of each other; `place`
    is the position of the first slot.
    """

    tensor: Tensor
    names: tuple[str, ...]
    counts: bool
    group: int
    place: int

    @cached_property
    def width(self) -> int:
        """Bytes of one element; 1 for packed types, which are read as bytes."""
        return max(1, int(itemsize(self.tensor.dtype)))

    @cached_property
    def length(self) -> int:
        """How many elements of `width` there are."""
        return self.tensor.nbytes // self.width

    @cached_property
    def dense(self) -> bool:
        """Whether the elements stand in memory in logical order without gaps."""
        assert self.tensor.region is not None
        wanted = contiguous(self.tensor.shape)
        steps = zip(self.tensor.shape, self.tensor.region.stride, wanted, strict=True)
        return all(size == 1 or step == due for size, step, due in steps)

    def take(self, values: Values, start: int, count: int) -> bytes:
        """Return a run of elements in logical order."""
        assert self.tensor.region is not None
        offset, name = self.tensor.region.offset, self.tensor.name
        if self.dense:
            return values.read(name, offset + start * self.width, count * self.width)
        places = np.unravel_index(np.arange(start, start + count), self.tensor.shape)
        steps = sum(np.asarray(at) * step for at, step in zip(places, self.tensor.region.stride, strict=True))
        return b"".join(
            values.read(name, offset + int(at) * self.width, self.width) for at in np.ravel(steps)
        )

    def array(self, values: Values) -> np.ndarray[Any, Any]:
        """Return all elements as a view of their bytes, whatever their strides."""
        assert self.tensor.region is not None
        low, high = geometry.hull(self.tensor)
        data = values.read(self.tensor.name, int(low), int(high - low))
        strides = tuple(step * self.width for step in self.tensor.region.stride)
        return np.ndarray(self.tensor.shape, dtype=f"V{self.width}", buffer=data, strides=strides)


@dataclass(slots=True)
class Work:
    """What the stages of a search share: the values, and who is told or may end it."""

    values: Values
    progress: Callable[[float], None] | None = None
    cancel: Callable[[], bool] | None = None
    due: int = 0
    done: int = 0
    told: float = 0.0

    def expect(self, nbytes: int) -> None:
        """Add bytes that are going to be read."""
        self.due += nbytes

    def tick(self, nbytes: int = 0) -> None:
        """Tell how far the search is, and end it where that was asked for."""
        if self.cancel is not None and self.cancel():
            raise SharevizError(
                "The search for lost ties was stopped.", code="cancelled", hint="Start it again to see all."
            )
        self.done += nbytes
        if self.progress is not None and self.due:
            # work that shows itself on the way makes the whole larger; what was told never shrinks
            self.told = max(self.told, min(0.99, self.done / self.due))
            self.progress(self.told)

    def finish(self) -> None:
        """Tell that all is done."""
        if self.progress is not None:
            self.progress(1.0)

    def chunks(self, block: Block, elements: int = 0) -> Iterator[bytes]:
        """Yield a block's elements in logical order, so many at a time (0: as fill a chunk)."""
        count = elements or CHUNK_BYTES // block.width
        whole = None if block.dense else np.ascontiguousarray(block.array(self.values)).tobytes()
        for start in range(0, block.length, count):
            taken = min(count, block.length - start)
            if whole is None:
                piece = block.take(self.values, start, taken)
            else:
                piece = whole[start * block.width : (start + taken) * block.width]
            self.tick(len(piece))
            yield piece


def blocks(snapshot: Snapshot, values: Values) -> list[Block]:
    """Return the parts of memory whose values can be read, in definition order."""
    order = {slot.name: place for place, slot in enumerate(snapshot.tensors)}
    found = []
    for group, slots in enumerate(components(snapshot.tensors)):
        views: dict[object, list[Tensor]] = {}
        for slot in slots:
            views.setdefault((slot.region, slot.shape, slot.dtype), []).append(slot)
        for same in views.values():
            # a stated name has no bytes of its own: the name that the file stores is read
            kept = next((slot for slot in same if _readable(slot, values)), None)
            if kept is not None:
                names = tuple(slot.name for slot in same)
                counts = all(slot.counts for slot in same)
                found.append(Block(kept, names, counts, group, order[names[0]]))
    return sorted(found, key=lambda block: block.place)


def _readable(slot: Tensor, values: Values) -> bool:
    """Whether elements are at hand, as they are, and in a bounded piece of memory."""
    if slot.region is None or slot.region.flags or not slot.numel:
        return False
    have = values.nbytes(slot.name)
    low, high = geometry.hull(slot)
    if have is None or high > have:
        return False
    packed = itemsize(slot.dtype) % 1 != 0
    own = prod(slot.shape) * itemsize(slot.dtype)
    # fewer bytes than elements need: some are repeated, and a small file could claim any number
    return own == high - low if packed else own <= high - low <= SPREAD * own
