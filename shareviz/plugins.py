"""One way to find plug-ins: one file, one constant or a family of them, one read-only table."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import TypeVar

T = TypeVar("T")


def collect(package: ModuleType, constant: str, kind: type[T]) -> Mapping[str, T]:
    """Return {module name: its constant} for each public module of a package, by name.

    Raises:
        TypeError: A public module lacks the constant, or it is not of `kind`; the module is named.
    """
    table: dict[str, T] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        entry = getattr(module, constant, None)
        if not isinstance(entry, kind):
            raise TypeError(f"{module.__name__} must define {constant}, a {kind.__name__}, not {entry!r}")
        table[info.name] = entry
    return MappingProxyType(table)


def members(package: ModuleType, constant: str, kind: type[T], name: Callable[[T], str]) -> Mapping[str, T]:
    """Return {name: member} of all members of the tuples that a package's public modules hold.

    Raises:
        TypeError: As `collect`; a member of another kind, or two of one name; the module is named.
    """
    table: dict[str, T] = {}
    for family, found in collect(package, constant, tuple).items():
        for member in found:
            if not isinstance(member, kind):
                raise TypeError(f"{constant} of {family} holds {member!r}, not a {kind.__name__}")
            if name(member) in table:
                raise TypeError(f"two members have the name {name(member)!r}; one is in {family}")
            table[name(member)] = member
    return MappingProxyType(table)
