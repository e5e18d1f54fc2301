"""What each opcode of a pickle does here: the table of CPython, with the unsafe ones replaced.

Those that could call, set an attribute, hash a nested key or allocate by a number in the file are
replaced; the rest only push plain values.
Source: CPython Lib/pickletools.py, the opcode table.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


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


def plain_key(value: Any) -> Any:
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
    self.append({plain_key(items[i]): items[i + 1] for i in range(0, len(items), 2)})


def _setitem(self: Any) -> None:
    value = self.stack.pop()
    key = self.stack.pop()
    _items_of(self.stack[-1])[plain_key(key)] = value


def _setitems(self: Any) -> None:
    items = self.pop_mark()
    target = _items_of(self.stack[-1])
    for i in range(0, len(items), 2):
        target[plain_key(items[i])] = items[i + 1]


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


OPCODES: Mapping[int, Callable[[Any], None]] = _table()
