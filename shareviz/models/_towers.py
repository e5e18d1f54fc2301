"""The turns that models of plain towers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.models import _base as base
from shareviz.options import Option

if TYPE_CHECKING:
    from shareviz.nets.towers import Tower

INPUTS = Option("inputs", "Inputs", 64, 1, 65_536, help="How many numbers describe an example.")
WIDTH = Option("width", "Width", 32, 1, 16_384, help="How many numbers a layer of a tower makes.")
LAYERS = Option("layers", "Layers", 2, 1, 96, help="How many layers a tower has.")


def towers(values: base.Values, number: int) -> list[Tower]:
    """Return that many equal towers, each with weights of its own."""
    from shareviz.nets.towers import Tower

    size, depth = base.whole(values, "width"), base.whole(values, "layers")
    return [Tower(base.whole(values, "inputs"), size, layers=depth) for _ in range(number)]
