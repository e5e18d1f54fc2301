"""Which blocks are alike: each way first by a few elements of each, then by all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import xxhash

from shareviz.copies._blocks import Block, Work
from shareviz.copies._cast import PRECISE_FIRST, as_float32, rounded_to

SAMPLE_BYTES = 64  # at head, middle and tail: lengths at which two unequal weights still never agree
SAMPLE_ELEMENTS = 16  # the same for comparing types of unlike width
SKETCH_ELEMENTS = 256
SKETCH_FROM = 2**16  # bytes: a sketch of less would be most of the reading
NEAR = 0.95  # cosine of two centred sketches; independent weights stay below 0.2
MOST_SKETCHES = 2_000

Blocks = list[Block]
TILE = 2**21  # elements


def equal(blocks: Blocks, work: Work) -> list[Blocks]:
    """Return the groups of blocks with equal bytes, type and shape."""
    alike = _split([blocks], lambda block: (block.tensor.dtype, block.tensor.shape))
    alike = _split(alike, lambda block: sample(block, work))
    pairs = [group for group in alike if len(group) == 2]  # comparing two reads no more than hashing them
    many = [group for group in alike if len(group) > 2]
    work.expect(sum(block.tensor.nbytes for group in pairs for block in group))
    work.expect(sum(2 * block.tensor.nbytes for group in many for block in group))
    hashed = _split(many, lambda block: _digest(work.chunks(block)))
    return [group for one in (*pairs, *hashed) for group in _confirmed(one, work)]


def is_constant(block: Block, work: Work) -> bool:
    """Whether all elements of a block are equal."""
    first = block.take(work.values, 0, 1)
    head = sample(block, work)
    if head != first * (len(head) // block.width):
        return False
    return all(piece == first * (len(piece) // block.width) for piece in work.chunks(block))


def transposed(blocks: Blocks, work: Work) -> list[Blocks]:
    """Return pairs of matrices of which one is the other transposed."""
    flat = [b for b in blocks if len(b.tensor.shape) == 2 and min(b.tensor.shape) > 1 and _whole(b)]
    alike = _split([flat], lambda block: (block.tensor.dtype, frozenset(block.tensor.shape)))
    crossing = [group for group in alike if _crosses(group)]
    found: list[Blocks] = []
    for group in _split(crossing, lambda block: _diagonal(block, work)):
        work.expect(sum(2 * block.tensor.nbytes for block in group))
        upright = {(b.tensor.shape, _digest(work.chunks(b))): b for b in group}
        for block in group:
            turned = block.array(work.values).T
            other = upright.get((turned.shape, _digest(_rows(turned))))
            if other is not None and other.group != block.group and other.place < block.place:
                same = all(a == b for a, b in zip(_rows(turned), _tiles(other, turned, work), strict=True))
                found += [[other, block]] if same else []
    return found


def rounded(blocks: Blocks, work: Work) -> list[Blocks]:
    """Return pairs of blocks of which the second is the first, cast to a less precise type."""
    floats = [block for block in blocks if block.tensor.dtype in PRECISE_FIRST]
    found: list[Blocks] = []
    for group in _split([floats], lambda block: block.tensor.shape):
        by_type: dict[str, Blocks] = defaultdict(list)
        for block in group:
            by_type[block.tensor.dtype].append(block)
        for precise, coarse in combinations([name for name in PRECISE_FIRST if name in by_type], 2):
            heads: dict[bytes, Blocks] = defaultdict(list)
            for block in by_type[coarse]:
                heads[_elements(block, work, SAMPLE_ELEMENTS)].append(block)
            for block in by_type[precise]:
                head = rounded_to(coarse, _elements(block, work, SAMPLE_ELEMENTS), precise)
                found += [[block, other] for other in heads[head] if _rounds(block, other, work)]
    return found


def near(blocks: Blocks, work: Work) -> list[Blocks]:
    """Return pairs of large weights whose centred sketches point the same way: a hint, no more."""
    large = [
        block
        for block in blocks
        if block.tensor.dtype in PRECISE_FIRST
        and len(block.tensor.shape) > 1
        and block.tensor.nbytes >= SKETCH_FROM
    ]
    found: list[Blocks] = []
    for group in _split([large], lambda block: (block.tensor.dtype, block.tensor.shape)):
        if len(group) > MOST_SKETCHES:
            continue
        sketches = np.stack([_sketch(block, work) for block in group])
        above = np.argwhere(np.triu(sketches @ sketches.T, 1) > NEAR)
        found += [[group[a], group[b]] for a, b in above if group[a].group != group[b].group]
    return found


def sample(block: Block, work: Work) -> bytes:
    """Return 64 bytes each from head, middle and tail."""
    return _elements(block, work, max(1, SAMPLE_BYTES // block.width))


def _elements(block: Block, work: Work, count: int) -> bytes:
    """Return so many elements each from head, middle and tail, or all where there are no more."""
    work.tick()
    if block.length <= 3 * count:
        return block.take(work.values, 0, block.length)
    starts = (0, (block.length - count) // 2, block.length - count)
    return b"".join(block.take(work.values, start, count) for start in starts)


def _split(groups: Iterable[Blocks], key: Callable[[Block], Hashable]) -> list[Blocks]:
    """Return the groups split by a key, without those that hold no two separate parts of memory."""
    found = []
    for group in groups:
        parts: dict[Hashable, Blocks] = defaultdict(list)
        for block in group:
            parts[key(block)].append(block)
        found += [part for part in parts.values() if len({block.group for block in part}) > 1]
    return found


def _confirmed(group: Blocks, work: Work) -> Iterator[Blocks]:
    """Yield the blocks whose bytes are those of the first, one for each set of tied names."""
    first, *rest = group
    apart = [block for block in rest if block.group != first.group]
    same, told = [first], {first.group}
    for block in apart:
        if block.group not in told and all(
            a == b for a, b in zip(work.chunks(first), work.chunks(block), strict=True)
        ):
            same.append(block)
            told.add(block.group)
    if len(same) > 1:
        yield same


def _whole(block: Block) -> bool:
    return block.length == block.tensor.numel  # not a packed type


def _crosses(group: Blocks) -> bool:
    """Whether one block has the turned shape of another; all do where they are square."""
    shapes = {block.tensor.shape for block in group}
    return any(shape[::-1] in shapes for shape in shapes)


def _diagonal(block: Block, work: Work) -> bytes:
    """Return elements that a transpose leaves where they are, and pairs that it swaps, in order."""
    work.tick()
    size, columns = min(block.tensor.shape), block.tensor.shape[1]
    places = sorted({round(i * (size - 1) / 15) for i in range(16)})

    def at(row: int, column: int) -> bytes:
        return block.take(work.values, row * columns + column, 1)

    swapped = [sorted((at(i, j), at(j, i))) for i, j in pairwise(places)]
    return b"".join((*(at(i, i) for i in places), *(one for pair in swapped for one in pair)))


def _rows(array: np.ndarray[Any, Any]) -> Iterator[bytes]:
    """Yield the elements of a matrix in logical order, some rows at a time."""
    step = _step(array)
    for start in range(0, array.shape[0], step):
        yield np.ascontiguousarray(array[start : start + step]).tobytes()


def _tiles(block: Block, like: np.ndarray[Any, Any], work: Work) -> Iterator[bytes]:
    return work.chunks(block, _step(like) * block.tensor.shape[1])


def _step(array: np.ndarray[Any, Any]) -> int:
    return max(1, TILE // int(array.shape[1]))


def _digest(pieces: Iterable[bytes]) -> bytes:
    state = xxhash.xxh3_128()
    for piece in pieces:
        state.update(piece)
    return state.digest()


def _rounds(precise: Block, coarse: Block, work: Work) -> bool:
    """Whether every element of one block is that of the other after a cast, and they are not constant."""
    if precise.group == coarse.group or is_constant(coarse, work):
        return False
    work.expect(precise.tensor.nbytes + coarse.tensor.nbytes)
    pairs = zip(work.chunks(precise, TILE), work.chunks(coarse, TILE), strict=True)
    return all(rounded_to(coarse.tensor.dtype, a, precise.tensor.dtype) == b for a, b in pairs)


def _sketch(block: Block, work: Work) -> np.ndarray[Any, Any]:
    """Return some elements around their mean, scaled to length one; zeros where they say nothing."""
    taken = as_float32(_elements(block, work, SKETCH_ELEMENTS), block.tensor.dtype)
    taken = np.where(np.isfinite(taken), taken, 0).astype(np.float64)
    taken -= taken.mean()
    length = float(np.linalg.norm(taken))
    return taken / length if length else taken
