"""A pickle read without running it: whatever it names becomes an inert record.

The pure-Python unpickler is used on purpose: 363 bytes make the C one allocate 16 GB for its
memo. Every opcode is counted.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from struct import error as StructError
from typing import Any, Protocol

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Limits, refuse
from shareviz.formats._opcodes import OPCODES, Global, Record, plain_key

# one tensor of a torch file takes about forty opcodes, with a Parameter around it fifty
OPCODES_PER_TENSOR = 64
MOST_ARGUMENTS = 16
BROKEN = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError),
    *(RecursionError, AssertionError, StructError, pickle.UnpicklingError),
)

Builders = Mapping[str, Any]  # a callable of the closed table, or a value that a name stands for


class Stream(Protocol):
    """What a pickle is read from."""

    def read(self, nbytes: int, /) -> bytes: ...

    def readline(self) -> bytes: ...


class ClosedUnpickler(pickle._Unpickler):
    """Unpickles with a closed table of builders; `foreign` holds every other name, in order.

    `storage` makes something of a persistent id, which is how torch refers to a storage.
    """

    def __init__(
        self, data: Stream, *, builders: Builders, storage: Callable[[Any], Any], limits: Limits
    ) -> None:
        super().__init__(data, errors="replace")
        self.builders = {"collections.OrderedDict": self.mapping, **builders}
        self.foreign: dict[str, None] = {}
        self.storage = storage
        self.name_chars = limits.name_chars
        self.most = OPCODES_PER_TENSOR * limits.tensors
        self.pairs = 0  # copied by OrderedDict(pairs), where one opcode can copy a million of them

    def load(self) -> Any:
        """Return the root object: CPython's loop, over the closed table and with an end."""
        unframer = pickle._Unframer(self._file_read, self._file_readline)  # type: ignore[attr-defined]
        self._unframer = unframer
        self.read, self.readinto, self.readline = unframer.read, unframer.readinto, unframer.readline
        self.metastack: list[Any] = []
        self.stack: list[Any] = []
        self.append = self.stack.append
        self.proto = 0
        read, table = self.read, OPCODES
        try:
            for _ in range(self.most):
                table[read(1)[0]](self)
        except pickle._Stop as stop:  # type: ignore[attr-defined]
            return stop.value
        raise too_long()

    def persistent_load(self, pid: Any) -> Any:
        return self.storage(pid)

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in self.builders:
            return self.builders[full]
        if len(full) > self.name_chars:
            hint = "Check where the file is from."
            raise refuse("limit", "The pickle names a class with a very long name.", hint)
        self.foreign.setdefault(full)
        return Global(full)

    def make(self, maker: Any, args: Sequence[Any]) -> Any:
        """Return what a builder of the closed table makes, else an inert record."""
        if isinstance(maker, Global):
            return Record(maker, args)
        if not callable(maker) or len(args) > MOST_ARGUMENTS:
            raise ValueError("a call of something that is no builder")
        return maker(*args)

    def mapping(self, *args: Any) -> dict[Any, Any]:
        """Return the dict that OrderedDict(*args) would be."""
        pairs = args[0] if args else ()
        if len(args) > 1 or not isinstance(pairs, (list, tuple)):
            raise ValueError("a dict of something that is no list of pairs")
        self.pairs += len(pairs)
        if self.pairs > self.most:
            raise too_long()
        return {plain_key(key): value for key, value in pairs}


def unpickle(unpickler: ClosedUnpickler) -> Any:
    """Return the root object.

    Raises:
        FormatError: malformed, or one of those that the builders raise.
    """
    try:
        return unpickler.load()
    except BROKEN as error:
        raise refuse("malformed", "The pickle inside is broken.", "Save the state dict again.") from error


def too_long() -> FormatError:
    """Return the error for a pickle with more steps than the largest model takes."""
    hint = "Save the state dict alone, and open that."
    return refuse("limit", "The pickle inside has more steps than any checkpoint needs.", hint)


def names_in_words(foreign: Sequence[str]) -> str:
    """Return the foreign names as code, three of them, cleaned."""
    shown = ", ".join(f"`{text.clean(name, 80)}`" for name in foreign[:3])
    return shown if len(foreign) <= 3 else f"{shown} and {text.exact(len(foreign) - 3)} more"
