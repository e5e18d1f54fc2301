"""A config built in a process of its own, with bounds on memory and time: for hosted use.

The answer comes back as JSON text, never as a pickle. rlimits are no sandbox: safety rests on
running no uploaded code.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from shareviz.errors import FormatError
from shareviz.formats._base import Limits, refuse
from shareviz.formats._json import parse
from shareviz.jsonio import from_json, to_json
from shareviz.snapshot import Snapshot

_HINT = "Upload the weights, or run shareviz locally."
_MEMORY = re.compile(rb"MemoryError|allocate memory|map segment|bad_alloc")
_OUT_OF_MEMORY = 77  # the child's exit status
_ROOT = Path(__file__).parents[2]


def described(data: bytes, limits: Limits) -> Snapshot:
    """Return what `config.parsed` and `config.snapshot_of` make of a document, in a child process.

    Raises:
        FormatError: timeout, memory, or the error that the child met.
    """
    command = [sys.executable, "-m", "shareviz.formats._worker"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    sent = json.dumps(asdict(replace(limits, isolated=False))).encode() + b"\n" + data
    most = limits.wall_seconds
    try:
        done = subprocess.run(
            command, input=sent, capture_output=True, cwd=_ROOT, env=environment, timeout=most
        )
    except subprocess.TimeoutExpired as error:
        said = f"The model took more than {most} s to build."
        raise refuse("timeout", said, _HINT) from error
    if done.returncode:
        raise _died(done, limits)
    return _answer(done.stdout, limits)


def main() -> None:
    """Read limits and a config from standard input, and print a Snapshot or an error."""
    from shareviz.formats import config

    limits = Limits(**json.loads(sys.stdin.buffer.readline()))
    _bound(limits)
    try:
        made = config.snapshot_of(config.parsed(sys.stdin.buffer.read()), limits)
        sys.stdout.write(to_json(made))
    except FormatError as error:
        sys.stdout.write(json.dumps({"code": error.code, "message": error.message, "hint": error.hint}))
    except MemoryError:
        sys.exit(_OUT_OF_MEMORY)


def _bound(limits: Limits) -> None:
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, limits.config_worker_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _answer(output: bytes, limits: Limits) -> Snapshot:
    if not output.startswith(b'{"code"'):
        return from_json(output, limits)
    error = parse(output, what="The answer")
    raise FormatError(error["message"], code=error["code"], hint=error["hint"])


def _died(done: subprocess.CompletedProcess[bytes], limits: Limits) -> FormatError:
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        said = f"The model took more than {limits.cpu_seconds} s of computing to build."
        return refuse("timeout", said, _HINT)
    # out of memory shows as an exit, an abort in C++, or a library that could not be mapped
    if done.returncode in (_OUT_OF_MEMORY, -signal.SIGABRT, -signal.SIGSEGV) or _MEMORY.search(done.stderr):
        return refuse("memory", "The model took more memory to build than there is for it.", _HINT)
    return refuse("config", "The model could not be built in a process of its own.", _HINT)


if __name__ == "__main__":
    main()
