"""How long a page takes to answer while a run trains beside it, and while none does.

`python -m benchmarks.latency [SECONDS]`: asks a fresh server for its health, which passes through the loop
that all pages share, twenty times a second, first at rest and then during a run of its own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.error import URLError
from urllib.request import urlopen

from shareviz.training.jobs import Jobs
from shareviz.training.protocol import RunSpec

ROOT = Path(__file__).parent.parent
EVERY = 0.05  # seconds between two questions


@contextmanager
def server(home: str) -> Iterator[str]:
    """Give the address of a fresh app."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("server.address=127.0.0.1", f"server.port={port}", "server.headless=true")
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *(f"--{one}" for one in options)]
    environment = {**os.environ, "SHAREVIZ_HOME": home}
    quiet = subprocess.DEVNULL
    app = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.terminate()
        app.wait(10)


def answered(address: str, seconds: float) -> list[float]:
    """Return how long each answer took, in milliseconds."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        with urlopen(f"{address}/_stcore/health", timeout=10) as answer:
            answer.read()
        took.append(1000 * (time.perf_counter() - begun))
        time.sleep(EVERY)
    return took


def ready(address: str, seconds: float = 60.0) -> None:
    """Wait until the app answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answered(address, EVERY)
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise SystemExit("the app did not start")


def said(title: str, took: list[float]) -> str:
    """Return a line of the answer."""
    late = quantiles(took, n=20)[-1]
    return f"{title:<16} median {median(took):5.1f} ms   p95 {late:6.1f} ms   {len(took)} answers"


def main(seconds: float = 15.0) -> None:
    """Ask at rest and while a run trains, and print both."""
    with tempfile.TemporaryDirectory() as home, server(home) as address:
        ready(address)
        print(said("at rest", answered(address, seconds)))
        jobs = Jobs(Path(home) / "runs")
        begun = time.monotonic()
        job = jobs.start(RunSpec("parity", seeds=20))
        while not any(event["event"] == "progress" for event in job.events()):
            time.sleep(0.02)
        print(f"first point after {time.monotonic() - begun:.1f} s, {jobs.cores} cores")
        print(said("while training", answered(address, seconds)))
        assert not job.ended, "the run was too short"
        jobs.close()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
