"""A file read in a process of its own, with bounds on memory and time: for hosted use.

The child gets open files and an order in JSON, and answers in bounded JSON, never in a pickle.
rlimits are no sandbox: safety rests on running no uploaded code.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from shareviz.errors import FormatError, OptionError, Part
from shareviz.formats._base import MIB, MOST_PARTS, Limits, Request, refuse
from shareviz.formats._file import File, opened
from shareviz.formats._json import At, parse
from shareviz.snapshot import Snapshot

OUT_OF_MEMORY = 77  # the child's exit status
_MOST_ANSWER = 64 * MIB
_HINT = "Open a smaller part of the model, or run shareviz locally."
_ROOT = Path(__file__).parents[2]
_PLACES = threading.BoundedSemaphore(2)  # a child may take gigabytes: no more of them at once


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the child ended: its status, negative for a signal, and whether the clock ended it."""

    status: int
    late: bool
    output: bytes


def read_apart(file: File, request: Request) -> Snapshot:
    """Return what `formats.read` makes of a file, in a child process.

    Raises:
        FormatError: timeout (its own, or that of the files before it), memory, limit (too long an
            answer), or the error that the child met.
        OptionError: As the child met it.
    """
    limits = file.limits
    with ExitStack() as held:
        beside = [held.enter_context(opened(path, limits)) for path in request.companions]
        files = [(one.name, _descriptor(one, held)) for one in (file, *beside)]
        order = {
            "limits": asdict(replace(limits, isolated=False)),
            "pick": request.pick,
            "files": files,
        }
        with _place(limits):
            ended = _run(json.dumps(order).encode(), [number for _, number in files], limits)
    if ended.status or ended.late:
        raise _died(ended, limits)
    return _answer(ended.output, limits)


@contextmanager
def _place(limits: Limits) -> Iterator[None]:
    """Wait until fewer than two files are being read, as long as one may take."""
    if not _PLACES.acquire(timeout=limits.wall_seconds):
        said = f"The file waited {limits.wall_seconds} s for others that are being read."
        raise refuse("timeout", said, "Open it again in a minute.")
    try:
        yield
    finally:
        _PLACES.release()


def _descriptor(file: File, held: ExitStack) -> int:
    """Return the number of an open file that holds the bytes; an upload is copied into one without a name."""
    try:
        return file.stream.fileno()
    except io.UnsupportedOperation:
        copy = held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # `held` closes it
        file.stream.seek(0)
        shutil.copyfileobj(file.stream, copy)
        copy.flush()
        return copy.fileno()


def _run(order: bytes, descriptors: Sequence[int], limits: Limits) -> _Ended:
    command = [sys.executable, "-m", "shareviz.formats._child"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        env=environment,
        pass_fds=descriptors,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    clock = threading.Timer(limits.wall_seconds, end)
    clock.start()
    try:
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError), process.stdin as order_in:
            order_in.write(order)
        output = process.stdout.read(_MOST_ANSWER + 1)
        if len(output) > _MOST_ANSWER:
            raise refuse("limit", "The model is too large to be shown.", _HINT)
        return _Ended(process.wait(), late.is_set(), output)
    finally:
        clock.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _answer(output: bytes, limits: Limits) -> Snapshot:
    if not output.startswith(b'{"code"'):
        from shareviz.jsonio import from_json  # it reads Limits from this package

        return from_json(output, replace(limits, header_bytes=_MOST_ANSWER))
    error = parse(output, what="The answer")
    said, code, hint = error["message"], error["code"], error["hint"]
    if code == "option":
        raise OptionError(said, code=code, hint=hint)
    raise FormatError(said, code=code, hint=hint, parts=_parts(At(error, "", limits)))


def _parts(answer: At) -> tuple[Part, ...]:
    """Return the parts that the child offers; a child is not believed to have kept to the bounds."""
    listed = answer.get("parts", []).items(MOST_PARTS)
    pairs = [pair.items(2) for pair in listed]
    if any(len(pair) != 2 for pair in pairs):
        raise answer.wrong("an answer with pairs")
    return tuple(Part(name.name(), tensors.maybe(At.integer)) for name, tensors in pairs)


def _died(ended: _Ended, limits: Limits) -> FormatError:
    if ended.late:
        return refuse("timeout", f"The file took more than {limits.wall_seconds} s to read.", _HINT)
    if ended.status == -signal.SIGXCPU:
        said = f"The file took more than {limits.cpu_seconds} s of computing to read."
        return refuse("timeout", said, _HINT)
    # out of memory shows as an exit, an abort in C++, a library that could not be mapped, or a kill
    if ended.status in (OUT_OF_MEMORY, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGKILL):
        return refuse("memory", "The file took more memory to read than there is for it.", _HINT)
    hint = "Run shareviz locally, and report what it says."
    return refuse("malformed", "The file could not be read in a process of its own.", hint)
