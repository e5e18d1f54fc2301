"""What a class of a TorchScript file declares: its parameters and buffers, from the text of its code.

Two lines of each class are looked at. The code is neither parsed as a program nor run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shareviz.formats._file import File
from shareviz.snapshot import Kind

_CLASS = re.compile(r"class (\w+)\(")
_LIST = re.compile(r"  __(parameters|buffers)__ = \[(.*)\]")
_WORD = re.compile(r'"([^"\\]*)"')


@dataclass(slots=True)
class Registers:
    """The attributes of a class that are parameters, and those that are buffers."""

    parameters: frozenset[str] = frozenset()
    buffers: frozenset[str] = frozenset()

    def kind(self, name: str) -> Kind:
        """Return what a tensor attribute is; one that is in neither list is no parameter."""
        return Kind.PARAMETER if name in self.parameters else Kind.BUFFER


def registers(file: File, folder: str) -> Mapping[str, Registers]:
    """Return what each class declares, by its full name; nothing of files that are too long."""
    found: dict[str, Registers] = {}
    left = file.limits.header_bytes
    for name, entry in file.entries.items():
        if not (name.startswith(folder) and name.endswith(".py")):
            continue
        left -= entry.nbytes
        if left < 0:
            break
        scope = name.removeprefix(folder).removesuffix(".py").replace("/", ".")
        for cls, declared in _classes(file.inflated(entry)):
            found[f"{scope}.{cls}"] = declared
    return found


def _classes(code: bytes) -> Iterator[tuple[str, Registers]]:
    current = Registers()
    for line in code.decode(errors="replace").splitlines():
        if begins := _CLASS.match(line):
            current = Registers()
            yield begins[1], current
        elif lists := _LIST.fullmatch(line):
            names = frozenset(_WORD.findall(lists[2]))
            setattr(current, lists[1], names)
