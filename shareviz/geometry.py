"""Which bytes a strided region covers, exactly: runs, unions and overlaps.

A region is decomposed into contiguous runs of bytes and runs are swept; beyond `RUN_LIMIT` runs
the exact answer is given up and None says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod

from shareviz.snapshot import Tensor, itemsize

RUN_LIMIT = 200_000  # of one tensor
STORAGE_LIMIT = 1_000_000  # of the tensors of one storage together

Run = tuple[float, float]  # bytes, [low, high); fractions, and exact, where elements are packed
Axis = tuple[int, int]  # length, stride in elements


def axes(tensor: Tensor) -> tuple[Axis, ...]:
    """Return (length, stride) of each axis longer than one; axes that continue each other merge."""
    assert tensor.region is not None
    merged: list[Axis] = []
    for length, stride in zip(tensor.shape, tensor.region.stride, strict=True):
        if length == 1:
            continue
        if merged and merged[-1][1] == stride * length and stride:
            merged[-1] = (merged[-1][0] * length, stride)
        else:
            merged.append((length, stride))
    return tuple(merged)


def hull(tensor: Tensor) -> Run:
    """Return the smallest interval of bytes that holds the region; empty for no elements."""
    assert tensor.region is not None
    low, width = tensor.region.offset, itemsize(tensor.dtype)
    if not tensor.numel:
        return low, low
    return low, low + (sum((length - 1) * stride for length, stride in axes(tensor)) + 1) * width


def runs(tensor: Tensor) -> list[Run] | None:
    """Return the region's contiguous runs of bytes, sorted and disjoint; None beyond the limit."""
    assert tensor.region is not None
    width, low = itemsize(tensor.dtype), tensor.region.offset
    if not tensor.numel:
        return []
    moving = sorted((axis for axis in axes(tensor) if axis[1]), key=lambda axis: axis[1])
    inner = 1
    while moving and moving[0][1] == inner:
        inner *= moving.pop(0)[0]
    if not moving:
        return [(low, low + inner * width)]
    number = prod(length for length, _ in moving)
    if number > RUN_LIMIT:
        return None
    starts = (sum(steps) for steps in product(*([i * s for i in range(n)] for n, s in moving)))
    return union((low + start * width, low + (start + inner) * width) for start in starts)


def union(intervals: Iterable[Run]) -> list[Run]:
    """Return the intervals sorted, with touching and overlapping ones merged."""
    merged: list[Run] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def overlap(a: Tensor, b: Tensor) -> bool | None:
    """Return whether two regions of one storage share a byte; None where it is too fine to tell."""
    (low_a, high_a), (low_b, high_b) = hull(a), hull(b)
    if low_a >= high_b or low_b >= high_a:
        return False
    runs_a, runs_b = runs(a), runs(b)
    if runs_a is None or runs_b is None:
        return None
    i = j = 0
    while i < len(runs_a) and j < len(runs_b):
        if runs_a[i][0] < runs_b[j][1] and runs_b[j][0] < runs_a[i][1]:
            return True
        if runs_a[i][1] <= runs_b[j][1]:
            i += 1
        else:
            j += 1
    return False


def covered(tensors: Iterable[Tensor]) -> float:
    """Return the bytes that regions of one storage cover together, each byte once.

    A region beyond the run limit counts as its hull, an upper bound.
    """
    distinct = list({(t.region, t.shape, t.dtype): t for t in tensors}.values())
    if len(distinct) == 1 and _reaches_each_once(distinct[0]):
        return distinct[0].numel * itemsize(distinct[0].dtype)
    return sum(high - low for low, high in union(run for _, run in _all_runs(distinct)))


def meeting(tensors: Sequence[Tensor]) -> list[list[int]]:
    """Return the places of regions of one storage, together where they share bytes, directly or not.

    One sweep over all runs; a region beyond the run limit counts as its hull.
    """
    leader = list(range(len(tensors)))

    def lead(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    last, top = 0, float("-inf")  # a region of the open stretch, and where the stretch ends
    for (low, high), place in sorted((run, place) for place, run in _all_runs(tensors)):
        if low < top:
            leader[lead(place)] = lead(last)
        last, top = place, max(top, high)
    groups: dict[int, list[int]] = {}
    for place in range(len(tensors)):
        groups.setdefault(lead(place), []).append(place)
    return list(groups.values())


def _all_runs(tensors: Sequence[Tensor]) -> Iterator[tuple[int, Run]]:
    """Yield the runs of each region with its place; its hull where runs are too many to list."""
    left = STORAGE_LIMIT
    for place, tensor in enumerate(tensors):
        found = runs(tensor) if left > 0 else None
        found = [hull(tensor)] if found is None else found
        left -= len(found)
        for run in found:
            yield place, run


def _reaches_each_once(tensor: Tensor) -> bool:
    """Whether no two indices reach one element, as far as each stride steps over all smaller ones."""
    reach = 0
    for length, stride in sorted(axes(tensor), key=lambda axis: axis[1]):
        if stride <= reach:
            return False
        reach += (length - 1) * stride
    return True
