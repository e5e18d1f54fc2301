"""shareviz: see, count and compare shared weights in neural networks.

The public names are loaded when they are first asked for, so `import shareviz` loads neither
torch nor streamlit nor altair.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shareviz.capture import capture as capture
    from shareviz.errors import SharevizError as SharevizError
    from shareviz.explore import explore as explore
    from shareviz.formats import load as load
    from shareviz.guide import guide as guide
    from shareviz.ledger import ledger as ledger
    from shareviz.models import build as build
    from shareviz.plan import Plan as Plan
    from shareviz.realize import bake as bake
    from shareviz.realize import realize as realize
    from shareviz.relations import relation as relation
    from shareviz.sharing import tally as tally
    from shareviz.sharing import tied_groups as tied_groups
    from shareviz.snapshot import Snapshot as Snapshot
    from shareviz.strategies import strategies as strategies
    from shareviz.trace import trace as trace

__version__ = "0.1.0"

_HOMES = {
    "Plan": "plan",
    "SharevizError": "errors",
    "Snapshot": "snapshot",
    "bake": "realize",
    "build": "models",
    "capture": "capture",
    "explore": "explore",
    "guide": "guide",
    "ledger": "ledger",
    "load": "formats",
    "realize": "realize",
    "relation": "relations",
    "strategies": "strategies",
    "tally": "sharing",
    "tied_groups": "sharing",
    "trace": "trace",
}

__all__ = [*_HOMES, "__version__"]


class _Public:
    """A public name of the package: looked up in its module, whatever was imported before.

    Some names are those of their modules (`capture`). Python writes an imported submodule into its
    package, so a plain attribute would change its meaning with the order of imports.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, package: ModuleType | None, owner: type) -> Any:
        return getattr(import_module(f"shareviz.{_HOMES[self.name]}"), self.name)

    def __set__(self, package: ModuleType, value: object) -> None:
        """Ignore the submodule that the import system writes here."""


_package = type("_Package", (ModuleType,), {name: _Public(name) for name in _HOMES})
sys.modules[__name__].__class__ = _package
