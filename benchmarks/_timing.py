"""The clock of all benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable


def best(run: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU seconds of a few runs: other work on the machine only ever adds."""
    seconds = []
    for _ in range(times):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return min(seconds)
