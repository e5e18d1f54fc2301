"""Kinds of layer: what each takes, the shape that it gives, and the module that it is. No torch is loaded.

One file holds a family of kinds in `KINDS`; the table finds it by itself.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from shareviz.kinds._base import Call, Kind, Misfit, Shape
from shareviz.plugins import members

__all__ = ["Call", "Kind", "Misfit", "Shape", "kinds"]


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of layer by the word that a table writes for it.

    Raises:
        TypeError: An entry is no kind, or a word is taken twice; the file is named.
    """
    found = members(sys.modules[__name__], "KINDS", Kind, lambda one: one.name)
    return MappingProxyType(dict(sorted(found.items(), key=lambda pair: pair[1].place)))
