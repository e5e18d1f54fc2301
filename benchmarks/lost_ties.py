"""How much of a file must be read to find its lost ties? The scan against hashing all of it.

`python -m benchmarks.lost_ties [megabytes]` writes a safetensors file without equal tensors and one
with a doubled token table, and prints bytes read, wall milliseconds (the
best of three) and the ratio to the scan.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from shareviz.copies import Likeness, copies
from shareviz.formats import load
from shareviz.values import open_values

WIDTH = 768
Groups = set[frozenset[str]]


def write(path: Path, megabytes: int, *, doubled: bool) -> None:
    """Write float32 layers of GPT-2's shapes until the size is met, and a token table, once or twice."""
    shapes = {"wte.weight": (megabytes * 10**6 // (4 * 4 * WIDTH), WIDTH)}  # a quarter of the file
    shapes |= {"lm_head.weight": shapes["wte.weight"]} if doubled else {}
    layer, left = 0, megabytes * 10**6 - sum(4 * a * b for a, b in shapes.values())
    while left > 0:
        own = {f"h.{layer}.c_attn.weight": (WIDTH, 3 * WIDTH), f"h.{layer}.c_fc.weight": (WIDTH, 4 * WIDTH)}
        shapes |= own
        left -= sum(4 * a * b for a, b in own.values())
        layer += 1
    header, start = {}, 0
    for name, (rows, columns) in shapes.items():
        end = start + 4 * rows * columns
        header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for seed, (name, shape) in enumerate(shapes.items()):
            drawn = np.random.default_rng(0 if name == "lm_head.weight" else seed)
            file.write(drawn.standard_normal(shape, dtype=np.float32).tobytes())


def scan(path: Path) -> tuple[Groups, int]:
    """Return the groups of equal tensors by our search, and the bytes that it read."""
    with open_values(path) as values:
        found = copies(load(path), values)
        return {frozenset(one.names) for one in found if one.likeness is Likeness.EQUAL}, values.bytes_read


def hashed(path: Path, new: Callable[[], Any]) -> tuple[Groups, int]:
    """Return the groups of tensors with one hash, and the bytes that were hashed."""
    groups: dict[bytes, set[str]] = defaultdict(set)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: Mapping[str, Any] = json.loads(file.read(length))
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            file.seek(8 + length + first)
            state = new()
            for start in range(first, last, 2**20):
                state.update(file.read(min(2**20, last - start)))
            groups[state.digest()].add(name)
    sizes = sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in header.values())
    return {frozenset(names) for names in groups.values() if len(names) > 1}, sizes


def best(run: Callable[[], tuple[Groups, int]], times: int = 3) -> tuple[float, Groups, int]:
    """Return the least wall seconds of a few runs, with the answer."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        groups, read = run()
        seconds.append(time.perf_counter() - started)
    return min(seconds), groups, read


def main(megabytes: int) -> None:
    """Print one line for each file and way."""
    with tempfile.TemporaryDirectory() as folder:
        for case, doubled in (("nothing equal", False), ("table doubled", True)):
            path = Path(folder) / "model.safetensors"
            write(path, megabytes, doubled=doubled)
            ways = {
                "scan": best(lambda path=path: scan(path)),
                "xxh3 of all": best(lambda path=path: hashed(path, xxhash.xxh3_128)),
                "sha256 of all": best(lambda path=path: hashed(path, hashlib.sha256)),
            }
            base, expected, _ = ways["scan"]
            for way, (seconds, groups, read) in ways.items():
                assert groups == expected, "the ways must agree before they are timed"
                share = read / path.stat().st_size
                print(
                    f"{case:<14} {way:<14} read {read / 1e6:>7.2f} MB ({share:>7.2%}) "
                    f"{1000 * seconds:>8.1f} ms  ×{seconds / base:.1f}"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
