"""A pickle read without running it: whatever it names becomes an inert record.

The pure-Python unpickler is used on purpose: 363 bytes make the C one allocate 16 GB for its
memo. Every opcode is counted, and those that could call, set an attribute, hash a nested key or
allocate by a number in the file are replaced.
Source: CPython Lib/pickletools.py, the opcode table.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import error as StructError
from typing import Any

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Limits, refuse

# one tensor of a torch file takes about forty opcodes, with a Parameter around it fifty
OPCODES_PER_TENSOR = 64
MOST_ARGUMENTS = 16
BROKEN = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError),
    *(RecursionError, AssertionError, StructError, pickle.UnpicklingError),
)

Builders = Mapping[str, Any]  # a callable of the closed table, or a value that a name stands for


@dataclass(frozen=True, slots=True)
class Global:
    """A class or function that the pickle names and that was not imported."""

    name: str

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]


@dataclass(slots=True, eq=False)
class Record:
    """An object that the pickle would have built by calling `maker`; here its parts, inert."""

    maker: Global
    args: Sequence[Any] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)

    def extend(self, values: Sequence[Any]) -> None:
        """Take the elements of a list subclass."""
        self.values.extend(values)

    def append(self, value: Any) -> None:
        """Take one element of a list subclass."""
        self.values.append(value)


class ClosedUnpickler(pickle._Unpickler):
    """Unpickles with a closed table of builders; `foreign` holds every other name, in order.

    `storage` makes something of a persistent id, which is how torch refers to a storage.
    """

    def __init__(
        self, data: io.BytesIO, *, builders: Builders, storage: Callable[[Any], Any], limits: Limits
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
        read, table = self.read, _TABLE
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
        return {_key(key): value for key, value in pairs}


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


def _key(value: Any) -> Any:
    """Return a dict key that is cheap to hash: nested tuples would recurse in C without a bound."""
    return value if isinstance(value, (str, int, float, bool, bytes, type(None))) else Record(Global("key"))


def _reduce(self: Any) -> None:
    args = self.stack.pop()
    maker = self.stack[-1]
    if not isinstance(args, (tuple, list)):
        raise ValueError("a call without a tuple of arguments")
    self.stack[-1] = self.make(maker, args)


def _new_with_names(self: Any) -> None:
    self.stack.pop()
    _reduce(self)


def _build(self: Any) -> None:
    state = self.stack.pop()
    target = self.stack[-1]
    if isinstance(target, Record):
        target.state = state  # torch sets _metadata on an OrderedDict here: not needed


def _inst(self: Any) -> None:
    module, name = (self.readline()[:-1].decode() for _ in range(2))
    args = tuple(self.pop_mark())
    self.append(self.make(self.find_class(module, name), args))


def _obj(self: Any) -> None:
    maker, *args = self.pop_mark()
    self.append(self.make(maker, args))


def _dict(self: Any) -> None:
    items = self.pop_mark()
    self.append({_key(items[i]): items[i + 1] for i in range(0, len(items), 2)})


def _setitem(self: Any) -> None:
    value = self.stack.pop()
    key = self.stack.pop()
    _items_of(self.stack[-1])[_key(key)] = value


def _setitems(self: Any) -> None:
    items = self.pop_mark()
    target = _items_of(self.stack[-1])
    for i in range(0, len(items), 2):
        target[_key(items[i])] = items[i + 1]


def _items_of(target: Any) -> dict[Any, Any]:
    if isinstance(target, Record):
        return target.items
    if not isinstance(target, dict):
        raise ValueError("an item set on something that is no dict")
    return target


def _appends(self: Any) -> None:
    items = self.pop_mark()
    _list_of(self.stack[-1]).extend(items)


def _append(self: Any) -> None:
    value = self.stack.pop()
    _list_of(self.stack[-1]).append(value)


def _list_of(target: Any) -> Any:
    if not isinstance(target, (list, Record)):
        raise ValueError("an element appended to something that is no list")
    return target


def _empty_list(self: Any) -> None:
    self.append([])  # a set stands as a list: hashing its elements is not safe


def _frozenset(self: Any) -> None:
    self.append(tuple(self.pop_mark()))


def _table() -> dict[int, Callable[[Any], None]]:
    table: dict[int, Callable[[Any], None]] = dict(pickle._Unpickler.dispatch)
    for opcode in (pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.BYTEARRAY8, pickle.NEXT_BUFFER):
        del table[opcode[0]]
    for opcode in (pickle.READONLY_BUFFER, pickle.STRING, pickle.PERSID):
        del table[opcode[0]]
    safe = {
        pickle.REDUCE: _reduce,
        pickle.NEWOBJ: _reduce,
        pickle.NEWOBJ_EX: _new_with_names,
        pickle.BUILD: _build,
        pickle.INST: _inst,
        pickle.OBJ: _obj,
        pickle.DICT: _dict,
        pickle.SETITEM: _setitem,
        pickle.SETITEMS: _setitems,
        pickle.APPENDS: _appends,
        pickle.APPEND: _append,
        pickle.ADDITEMS: _appends,
        pickle.EMPTY_SET: _empty_list,
        pickle.FROZENSET: _frozenset,
    }
    return table | {opcode[0]: step for opcode, step in safe.items()}


_TABLE = _table()


def names_in_words(foreign: Sequence[str]) -> str:
    """Return the foreign names as code, three of them, cleaned."""
    shown = ", ".join(f"`{text.clean(name, 80)}`" for name in foreign[:3])
    return shown if len(foreign) <= 3 else f"{shown} and {text.exact(len(foreign) - 3)} more"
