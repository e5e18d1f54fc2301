"""One way to find plug-ins: one file, one constant, one read-only table."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
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
