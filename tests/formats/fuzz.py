"""Broken files by the thousand: each opens, or is refused with a word and a hint; none hangs or runs.

`python -m tests.formats.fuzz [files] [seed]` mutates one good file of every format, and files with a
payload, from a seed; a file that fails is kept beside its seed and ends the run with exit code 1.
"""

from __future__ import annotations

import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from shareviz.copies import copies
from shareviz.errors import FormatError, SharevizError
from shareviz.formats import HOSTED, Upload, load
from shareviz.formats._base import Code
from shareviz.jsonio import from_json, to_json
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.values import open_values

HERE = replace(HOSTED, isolated=False)
SECONDS = 5  # of computing for one file of a few kB
RARE = {"config": 0.1}  # building a model takes tens of milliseconds
NUMBERS = (0, 1, 0x7F, 0xFF, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
DIGITS = re.compile(rb"\d+")


def opens_or_refuses(name: str, data: bytes, companions: Sequence[Upload] = ()) -> str:
    """Return "opened" or the code of the refusal; fail on any other error, and on one without a hint."""
    try:
        snapshot = load(Upload(name, data), limits=HERE, companions=companions)
    except FormatError as error:
        assert error.code in get_args(Code)
        assert error.hint
        assert str(error).isprintable()
        return error.code
    assert snapshot.tensors
    assert tally(snapshot).stored >= 0
    tied_groups(snapshot)
    assert from_json(to_json(snapshot)) == snapshot
    _values_are_compared_or_refused(Upload(name, data), companions, snapshot)
    return "opened"


def _values_are_compared_or_refused(upload: Upload, companions: Sequence[Upload], seen: Snapshot) -> None:
    try:
        with open_values(upload, companions=companions, limits=HERE) as values:
            copies(seen, values)
    except SharevizError as error:
        assert error.code
        assert error.hint


@dataclass(frozen=True, slots=True)
class Sample:
    """A good file to break, and the files that belong to it."""

    kind: str
    upload: Upload
    companions: tuple[Upload, ...] = ()


@dataclass(slots=True)
class Run:
    """What came out: how often each verdict, the slowest file in seconds, and the failures."""

    verdicts: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    failures: list[str] = field(default_factory=list)


def good_files(marker: Path) -> tuple[Sample, ...]:
    """Return a sample of every format, and files whose payload would touch the marker."""
    from tests.formats import hostile, samples

    beside: Mapping[str, Callable[[], tuple[Upload, ...]]] = getattr(samples, "BESIDE", {})
    made = [Sample(kind, make(), beside.get(kind, tuple)()) for kind, make in samples.EACH.items()]
    made.append(Sample("pickled module", samples.pt(samples.Tied())))
    rows = (*hostile.PICKLES, *hostile.LEGACY)
    made += [Sample(bad.name, Upload(bad.name, bad.make(marker))) for bad in rows if "rce" in bad.name]
    return tuple(made)


def mutated(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Return a broken copy of a file: one to four edits, some of them taken from another file."""
    edits = (_flip, _set_number, _set_digits, _cut, _drop, _repeat, _insert)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        if not data:
            break
        data = _splice(chance, data, other) if chance.random() < 0.1 else chance.choice(edits)(chance, data)
    return data


def _place(chance: random.Random, data: bytes) -> int:
    # headers stand at the start, a zip's directory at the end
    far = min(len(data), 256)
    low = chance.choice((0, 0, max(0, len(data) - far)))
    anywhere = chance.randrange(len(data))
    return chance.choice((anywhere, anywhere, low + chance.randrange(far)))


def _flip(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _set_number(chance: random.Random, data: bytes) -> bytes:
    at, width = _place(chance, data), chance.choice((1, 2, 4, 8))
    raw = (chance.choice(NUMBERS) & (2 ** (8 * width) - 1)).to_bytes(width, "little")
    return data[:at] + raw + data[at + width :]


def _set_digits(chance: random.Random, data: bytes) -> bytes:
    found = list(DIGITS.finditer(data))
    if not found:
        return _flip(chance, data)
    match = chance.choice(found)
    number = chance.choice((b"-1", b"1e9", b"0", b"00", b"NaN", str(chance.choice(NUMBERS)).encode()))
    return data[: match.start()] + number + data[match.end() :]


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: _place(chance, data)]


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = _place(chance, data)
    return start, start + chance.choice((1, 2, 8, chance.randrange(1, 200)))


def _drop(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 2, 20)) + data[end:]


def _insert(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + chance.randbytes(chance.choice((1, 4, 30))) + data[at:]


def _splice(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start, end = _span(chance, other)
    at = _place(chance, data)
    keep = chance.choice((at, at + end - start))
    return data[:at] + other[start:end] + data[keep:]


@contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in a reader that hangs."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fuzz(files: int, seed: int, folder: Path) -> Run:
    """Break files, and return what came of them; a failing one is written to the folder."""
    marker = folder / "marker"
    made, run = good_files(marker), Run()
    weights = [RARE.get(sample.kind, 1.0) for sample in made]
    for number in range(files):
        chance = random.Random(f"{seed}/{number}")
        sample, other = chance.choices(made, weights, k=2)
        data = mutated(chance, sample.upload.data, other.upload.data)
        start = time.process_time()
        try:
            with _alarm(10 * SECONDS):
                verdict = opens_or_refuses(sample.upload.name, data, sample.companions)
        except Exception as error:  # noqa: BLE001  # the point: any error but ours is a failure
            verdict = f"{type(error).__name__}: {error}"[:200]
        seconds = time.process_time() - start
        run.verdicts[verdict] += 1
        run.slowest = max(run.slowest, (seconds, f"{sample.kind} {seed}/{number}"))
        known = verdict == "opened" or verdict in get_args(Code)
        if not known or seconds > SECONDS or marker.exists():
            said = verdict if not marker.exists() else "code of the file ran"
            run.failures.append(f"{sample.kind} {seed}/{number}: {said} ({seconds:.1f} s)")
            (folder / f"{seed}-{number}-{sample.upload.name}").write_bytes(data)
            marker.unlink(missing_ok=True)
    return run


def main(files: int = 100_000, seed: int = 0) -> int:
    """Print what came out, and return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="shareviz-fuzz-"))
    start = time.monotonic()
    run = fuzz(files, seed, folder)
    seconds = time.monotonic() - start
    slowest, which = run.slowest
    print(f"{files:,} files from seed {seed} in {seconds:.0f} s; slowest {slowest:.2f} s ({which})")
    for verdict, times in run.verdicts.most_common():
        print(f"{times:>9,}  {verdict}")
    for failure in run.failures[:50]:
        print(f"FAILED {failure}")
    print(f"{len(run.failures)} failures" + (f", kept in {folder}" if run.failures else ""))
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:3])))
