"""GGUF files made by hand, good and bad."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.formats.hostile import Bad

STRING, ARRAY, U32, U16 = 8, 9, 4, 2
Pair = tuple[str, int, bytes]
Info = tuple[str, Sequence[int], int, int]  # name, sizes from the fastest axis, ggml's type, offset


def words(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str | bytes, kind: int, value: bytes) -> bytes:
    return words(key) + struct.pack("<I", kind) + value


def info(name: str | bytes, sizes: Sequence[int], kind: int = 0, offset: int = 0) -> bytes:
    raw = words(name) + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
    return raw + struct.pack("<IQ", kind, offset)


def array(kind: int, count: int, value: bytes = b"") -> bytes:
    return struct.pack("<IQ", kind, count) + value


def gguf(
    pairs: Sequence[bytes] = (),
    infos: Sequence[bytes] = (),
    *,
    data: int = 0,
    tensors: int | None = None,
    keys: int | None = None,
    version: int = 3,
) -> bytes:
    """Return a file with these keys and tensors, and `data` zero bytes behind the padded header."""
    counts = (len(infos) if tensors is None else tensors, len(pairs) if keys is None else keys)
    raw = b"GGUF" + struct.pack("<IQQ", version, *counts) + b"".join(pairs) + b"".join(infos)
    return raw + b"\0" * (-len(raw) % 32 + data)


def model(*tensors: tuple[str, tuple[int, ...]], name: str = "", architecture: str = "llama") -> bytes:
    """Return a file of float tensors, as the converters lay them out."""
    pairs = [pair("general.architecture", STRING, words(architecture))]
    pairs += [pair("general.name", STRING, words(name))] if name else []
    infos, at = [], 0
    for label, shape in tensors:
        size = 4
        for length in shape:
            size *= length
        infos.append(info(label, shape[::-1], 0, at))
        at += size + -size % 32
    return gguf(pairs, infos, data=at)


def _big_endian() -> bytes:
    return b"GGUF" + struct.pack(">IQQ", 3, 1, 0) + b"\0" * 64


_A = info("a", (4,))


def _bad(name: str, data: bytes, codes: tuple[str, ...], says: str = "") -> Bad:
    return Bad(f"{name}.gguf", lambda _marker: data, codes, says)


BAD = (
    _bad("gguf_counts", gguf([], [_A], tensors=2**62), ("limit", "malformed"), "tensors"),
    _bad("gguf_keys", gguf([], [_A], keys=2**62), ("limit", "malformed"), "keys"),
    _bad("gguf_array", gguf([pair("a", ARRAY, array(U32, 2**62))]), ("malformed", "limit")),
    _bad("gguf_strings", gguf([pair("a", ARRAY, array(STRING, 2**62))]), ("malformed", "limit")),
    _bad("gguf_arrays", gguf([pair("a", ARRAY, array(ARRAY, 2**62))]), ("malformed", "limit")),
    _bad(
        "gguf_nested",
        gguf([pair("a", ARRAY, array(ARRAY, 1) * 5000 + array(U32, 0))]),
        ("malformed",),
        "nests",
    ),
    _bad("gguf_big_endian", _big_endian(), ("malformed",), "big-endian"),
    _bad("gguf_fugg", b"FUGG\0\0\0\x03", ("malformed",), "big-endian"),
    _bad("gguf_version", gguf([], [_A], version=1), ("unsupported",), "version 1"),
    _bad("gguf_cut", gguf([], [_A])[:40], ("truncated",), "cut off"),
    _bad("gguf_letters", b"GGUF", ("truncated",)),
    _bad("gguf_long_key", gguf([pair("k" * 70_000, U32, b"\0" * 4)]), ("limit",)),
    _bad("gguf_long_name", gguf([], [info("n" * 9000, (4,))], data=16), ("limit",), "9,000"),
    _bad("gguf_name", gguf([], [info(b"\xff\xfe", (4,))], data=16), ("bad-name",)),
    _bad("gguf_key_twice", gguf([pair("a", U32, b"\0" * 4)] * 2, [_A]), ("ambiguous",), "a stands twice"),
    _bad("gguf_twice", gguf([], [_A, info("a", (4,), 0, 32)], data=64), ("ambiguous",), "a"),
    _bad("gguf_overlap", gguf([], [_A, info("b", (4,))], data=64), ("malformed",), "b overlaps"),
    _bad("gguf_gap", gguf([], [_A, info("b", (4,), 0, 64)], data=96), ("malformed",), "b leaves a gap"),
    _bad("gguf_huge", gguf([], [info("a", (2**40, 2**40))]), ("limit",), "2⁴⁸"),
    _bad("gguf_huge_empty", gguf([], [info("a", (2**63, 0))]), ("limit",), "2⁴⁸"),
    _bad("gguf_dimensions", gguf([], [info("a", (1,) * 40)]), ("limit",), "40 dimensions"),
    _bad("gguf_dimensions_max", gguf([], [words("a") + b"\xff" * 4]), ("limit",), "dimensions"),
    _bad("gguf_blocks", gguf([], [info("a", (33,), 2)], data=64), ("malformed",), "whole blocks of 32"),
    _bad("gguf_type", gguf([], [info("a", (4,), 99)]), ("unsupported",), "type 99"),
    _bad("gguf_value", gguf([pair("a", 77, b"")]), ("malformed",), "type 77"),
    _bad("gguf_none", gguf(), ("no-tensors",)),
    _bad(
        "gguf_alignment",
        gguf([pair("general.alignment", U32, b"\0" * 4)], [_A], data=16),
        ("malformed",),
        "alignment",
    ),
)
