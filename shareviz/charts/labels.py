"""Where the labels of points stand so that none touches another, at the narrowest and at a wide plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "center", "right"]
Box = tuple[float, float, float, float]
Spot = tuple[float, float]  # across and up, each as a part of its axis

# where a label may stand, in the order of preference: on the free side of the dashed line first
SIDES: Mapping[str, tuple[Align, int, int]] = {
    "left": ("right", -17, 0),
    "above": ("center", 0, -23),
    "above left": ("right", 4, -20),
    "right": ("left", 17, 0),
    "below": ("left", 2, 20),
}
WIDTHS = (255, 560)  # pixels of the plots that labels are placed for
_LETTER = 6.9  # pixels


@dataclass(frozen=True, slots=True)
class Room:
    """A plot of one size in pixels, and what stands in it: marks at spots, a label for each or ""."""

    wide: float
    high: float
    spots: tuple[Spot, ...]
    labels: tuple[str, ...]

    def at(self, i: int) -> Spot:
        """Return where the mark of point i stands, in pixels."""
        across, up = self.spots[i]
        return across * self.wide, (1 - up) * self.high

    def mark(self, i: int) -> Box:
        """Return the box of a mark."""
        x, y = self.at(i)
        return x - 7, y - 7, x + 7, y + 7

    def label(self, i: int, side: str) -> Box:
        """Return the box of the label of point i at a side of it."""
        (x, y), (align, dx, dy) = self.at(i), SIDES[side]
        wide = _LETTER * len(self.labels[i])
        low = x + dx - {"right": wide, "center": wide / 2, "left": 0}[align]
        return low, y + dy - 8, low + wide, y + dy + 8

    def inside(self, box: Box) -> bool:
        """Whether a box stays in the plot."""
        return box[0] >= 0 and box[2] <= self.wide and box[1] >= 0 and box[3] <= self.high


def sides(rooms: Sequence[Room], order: Sequence[int]) -> list[str]:
    """Return where each label goes so that it is free in every room, or "" where it finds no place.

    Args:
        rooms: One plot at several widths; all hold the same points.
        order: The points in the order in which their labels are placed.
    """
    found = [""] * len(rooms[0].spots)
    plots = [(room, dict(enumerate(map(room.mark, range(len(room.spots))))), list[Box]()) for room in rooms]
    for i in order:
        if not rooms[0].labels[i]:
            continue
        for side in SIDES:
            if all(_free(room.label(i, side), i, plot) for plot in plots for room in plot[:1]):
                found[i] = side
                for room, _, taken in plots:
                    taken.append(room.label(i, side))
                break
    return found


def _free(box: Box, i: int, plot: tuple[Room, Mapping[int, Box], Sequence[Box]]) -> bool:
    """Whether the label of point i stays inside and touches neither another mark nor a label."""
    room, marks, taken = plot
    if not room.inside(box):
        return False
    return not any(meet(box, mark) for place, mark in marks.items() if place != i) and not any(
        meet(box, other) for other in taken
    )


def meet(a: Box, b: Box) -> bool:
    """Whether two boxes have a point in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
