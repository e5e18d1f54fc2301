"""A weight that reads some of its blocks several times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from shareviz.forms._base import Draw, Form, Shape


@dataclass(frozen=True, slots=True)
class Rows(Form):
    """Block `i` of an axis is stored block `table[i]`: GQA, fused QKV, a convolution from local.

    Stored blocks are numbered by first use, so equal sharing has one spelling. A start keeps the
    first block of each group.
    """

    table: tuple[int, ...]
    axis: int = 0
    kind: ClassVar[str] = "rows"

    def __post_init__(self) -> None:
        seen = 0
        for block in self.table:
            if not 0 <= block <= seen:
                raise ValueError(f"rows must number stored blocks by first use, not {self.table[:12]}")
            seen = max(seen, block + 1)
        if not self.table or self.axis < 0:
            raise ValueError("rows need a table and an axis of at least 0")

    @property
    def stored(self) -> int:
        """Number of stored blocks."""
        return max(self.table) + 1

    @property
    def title(self) -> str:
        return f"{self.stored} of {len(self.table)} blocks stored"

    def pieces(self, shape: Shape) -> dict[str, Shape]:
        if self.axis >= len(shape) or shape[self.axis] % len(self.table):
            raise ValueError(f"axis {self.axis} of {shape} does not split into {len(self.table)} blocks")
        kept = shape[self.axis] // len(self.table) * self.stored
        return {"rows": (*shape[: self.axis], kept, *shape[self.axis + 1 :])}

    def make(self, pieces: Mapping[str, Any], shape: Shape) -> Any:
        block = shape[self.axis] // len(self.table)
        around = shape[: self.axis], shape[self.axis + 1 :]
        stored = pieces["rows"].reshape((*around[0], self.stored, block, *around[1]))
        index = (*(slice(None),) * self.axis, list(self.table))
        return stored[index].reshape(shape)

    def start(self, weight: Any, draw: Draw) -> dict[str, Any]:
        shape = tuple(weight.shape)
        block = shape[self.axis] // len(self.table)
        firsts = [self.table.index(row) for row in range(self.stored)]
        around = shape[: self.axis], shape[self.axis + 1 :]
        blocks = weight.reshape((*around[0], len(self.table), block, *around[1]))
        kept = blocks[(*(slice(None),) * self.axis, firsts)]
        return {"rows": kept.reshape(self.pieces(shape)["rows"])}
