"""What each strategy is first offered with, sized for a model: three stored rows, a third of the heads."""

from __future__ import annotations

from shareviz.snapshot import Snapshot
from shareviz.strategies import stacks_of
from shareviz.strategies.embeddings import token_tables
from shareviz.strategies.grouped import key_values


def first_offers(snapshot: Snapshot) -> tuple[tuple[str, str, str], ...]:
    """Return (key, title, step) of the presets, sized for a model; a title of "" is the step's."""
    rows, heads, rank = _rows(snapshot), _kv_heads(snapshot), _rank(snapshot)
    layers, narrow = _layers(snapshot), _power(128, _narrow(snapshot) // 4)
    return (
        ("attention", "Attention only", "all?parts=attention"),
        ("feed-forward", "Feed-forward only", "all?parts=feed-forward"),
        ("sequence", "", f"sequence?stored={rows}"),
        ("cycle", "", f"cycle?stored={rows}"),
        ("reversed", "", f"reversed?stored={rows}"),
        ("sandwich", "Sandwich", "sandwich"),
        ("all", "All layers", "all"),
        ("relaxed", "", f"relaxed?stored={rows}&rank={_power(8, _narrow(snapshot) // 8)}"),
        ("gqa", "", f"gqa?kv_heads={heads}"),
        ("factorised", "", f"factorised?rank={rank}"),
        ("space", "", "space"),
        ("time", "", "time"),
        ("tasks", "", "tasks"),
        ("siamese", "", "siamese"),
        ("pairs", "Pairs", f"sequence?stored={max(1, (layers + 1) // 2)}"),
        ("middle", "", f"sandwich?middle={max(2, min(3, (layers - 2) // 2))}"),
        ("interval", "", f"interval?every={min(6, max(2, layers // 4))}"),
        ("multi-query", "", "gqa?kv_heads=1"),
        ("atoms", "", f"atoms?atoms={max(2, min(4, layers // 3))}"),
        ("basis", "", f"basis?rank={narrow}"),
        ("hashed", "", "hashed"),
        ("hash_embeddings", "", f"hash_embeddings?buckets={_buckets(snapshot)}"),
        ("low_rank", "", f"low_rank?rank={narrow}"),
    )


# the presets behind the first row of pills
MORE = frozenset(
    ("pairs", "middle", "interval", "multi-query", "atoms", "basis", "hashed", "hash_embeddings", "low_rank")
)


def _layers(snapshot: Snapshot) -> int:
    """Return the number of layers of the deepest stack; 4 where there is none."""
    return max((len(stack.layers) for stack in stacks_of(snapshot, "layers")), default=4)


def _rows(snapshot: Snapshot) -> int:
    """Return 3, or fewer where the deepest stack is not deeper than that."""
    return max(1, min(3, _layers(snapshot) - 1))


def _kv_heads(snapshot: Snapshot) -> int:
    """Return the largest number of key heads that is a third of what is there, or less, and divides it."""
    heads = {part.kv_heads for part in key_values(snapshot)} - {None, 0}
    most = min((number for number in heads if number), default=12)
    return next(number for number in range(max(1, most // 3), 0, -1) if most % number == 0)


def _rank(snapshot: Snapshot) -> int:
    """Return 128, or the largest power of two that is at most a quarter of the narrowest table."""
    narrow = min((table.shape[1] for table in token_tables(snapshot)), default=512)
    return _power(128, narrow // 4)


def _buckets(snapshot: Snapshot) -> int:
    """Return 4,096, or an eighth of the smallest token table; one too small to hash gets all its rows."""
    rows = min((table.shape[0] for table in token_tables(snapshot)), default=1)
    return _power(4096, rows // 8) if rows >= 64 else rows


def _narrow(snapshot: Snapshot) -> int:
    """Return the second longest side of the largest weight in the repeated layers; 64 where there is none."""
    names = (name for stack in stacks_of(snapshot, "layers") for name in stack.slots())
    slots = (snapshot.by_name[name] for name in names if name in snapshot.by_name)
    matrices = [slot for slot in slots if len(slot.shape) > 1]
    return sorted(max(matrices, key=lambda slot: slot.numel).shape)[-2] if matrices else 64


def _power(most: int, room: int) -> int:
    """Return `most`, or the largest power of two that is no larger than `room`, at least 1."""
    return int(min(most, 2 ** max(0, room.bit_length() - 1)))
