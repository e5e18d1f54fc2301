"""Copies that were once ties: equal values in separate storage. They are not sharing, and are not counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from shareviz.copies import _match
from shareviz.copies._blocks import Block, Values, Work, blocks
from shareviz.snapshot import Snapshot

__all__ = ["Copy", "Likeness", "Values", "copies"]


class Likeness(StrEnum):
    """How the values of separate storages are alike; only the first three may be lost ties."""

    EQUAL = "equal-bytes"
    TRANSPOSED = "transposed-copy"
    ROUNDED = "rounded-copy"
    CONSTANT = "constant"
    NEAR = "nearly-equal"

    @property
    def may_be_a_tie(self) -> bool:
        """Whether tying them would change no value, or only round it."""
        return self in (Likeness.EQUAL, Likeness.TRANSPOSED, Likeness.ROUNDED)


@dataclass(frozen=True, slots=True)
class Copy:
    """Two or more separate parts of memory with alike values.

    `members` holds the names on each part, in definition order: names inside one member are tied.
    `numel` counts the elements of one part. `buffers`: not all are parameters, as with rotary
    tables and masks. `saved` counts the elements that tying the parts would free.
    """

    likeness: Likeness
    members: tuple[tuple[str, ...], ...]
    numel: int
    buffers: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, the first member's first."""
        return tuple(name for member in self.members for name in member)

    @property
    def saved(self) -> int:
        """Elements that one shared part would save; 0 for what is never offered as a tie."""
        tie = self.likeness.may_be_a_tie and not self.buffers
        return self.numel * (len(self.members) - 1) if tie else 0


def copies(
    snapshot: Snapshot,
    values: Values,
    *,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> tuple[Copy, ...]:
    """Return the parts of separate storages with alike values, by likeness, then in definition order.

    Parts of one type and shape are compared at head, middle and tail; where more than two agree,
    they are hashed whole, and what is left is compared byte by byte. Where nothing is equal, a few
    per cent of the bytes are read; `values.bytes_read` counts them. Tied names are no copies.

    Args:
        progress: Called with the share of the work that is done, from 0 to 1.
        cancel: Asked between pieces of about 1 MiB; True ends the search.

    Raises:
        SharevizError: cancelled; limit (more bytes than may be read here).

    Source:
        xxh3: Cyan4973/xxHash, doc/xxhash_spec.md.
    """
    work = Work(values, progress, cancel)
    found = list(_found(blocks(snapshot, values), work))
    work.finish()
    return tuple(sorted(found, key=lambda one: list(Likeness).index(one.likeness)))


def _found(parts: list[Block], work: Work) -> Iterator[Copy]:
    same = _match.equal(parts, work)
    constant = [group for group in same if _match.is_constant(group[0], work)]
    told = {id(block) for group in constant for block in group}
    later = {id(block) for group in same for block in group[1:]}
    single = [block for block in parts if id(block) not in later | told]  # one of each group of equals
    for group in same:
        yield _copy(Likeness.CONSTANT if group in constant else Likeness.EQUAL, group)
    crossed, rounded = _match.transposed(single, work), _match.rounded(single, work)
    for likeness, pairs in ((Likeness.TRANSPOSED, crossed), (Likeness.ROUNDED, rounded)):
        for pair in pairs:
            yield _copy(likeness, pair)
    known = {frozenset(map(id, pair)) for pair in (*crossed, *rounded)}
    for pair in _match.near(single, work):
        if frozenset(map(id, pair)) not in known:
            yield _copy(Likeness.NEAR, pair)


def _copy(likeness: Likeness, group: list[Block]) -> Copy:
    ordered = sorted(group, key=lambda block: block.place)
    members = tuple(block.names for block in ordered)
    return Copy(likeness, members, ordered[0].tensor.numel, buffers=not all(b.counts for b in ordered))
