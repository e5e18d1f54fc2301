"""The worker as a child process: start it, say a line to it, end it, and say why it ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STOP_SECONDS = 3.0  # for a worker to stop by itself

# glibc keeps the memory of large tensors for the next step; by default it gives it back and asks anew
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**30)}


def spawn(log: int) -> subprocess.Popen[str]:
    """Return a fresh worker that waits for its spec; its standard error goes to a descriptor."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        # -P: a file in the working folder must not stand in for a library
        [sys.executable, "-P", "-m", "shareviz.training.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        encoding="utf-8",
        env={**_MEMORY, **os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )


def say(process: subprocess.Popen[str], line: str) -> None:
    """Write a line to a worker, if it still listens."""
    assert process.stdin is not None
    try:
        # past Python's buffer, which would raise again when it is closed
        os.write(process.stdin.fileno(), f"{line}\n".encode())
    except (OSError, ValueError):
        return  # it has ended, or is closed: its exit code says more


def halt(process: subprocess.Popen[str]) -> None:
    """End a worker and wait for it: by a word, then by terminating it, then by killing it."""
    say(process, "stop")
    for end in (process.terminate, process.kill):
        try:
            process.wait(STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            end()


def cause(code: int, log: Path) -> str:
    """Return in a word or two why a worker ended, from its exit code and what it logged."""
    if code == -9:
        return "killed"  # by a person, or by the system for want of memory: it does not say
    if code < 0:
        return f"signal {-code}"
    said = log.read_text(encoding="utf-8", errors="replace")[-4000:]
    return "out of memory" if "OutOfMemory" in said or "MemoryError" in said else f"exit code {code}"
