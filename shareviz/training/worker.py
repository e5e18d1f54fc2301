"""The child process that trains: `python -m shareviz.training.worker`.

Reads a spec as one line of JSON on standard input and writes events as lines of JSON on standard
output. A further line "stop", or the end of the input, ends it at the next step; so it also ends
when the process that started it is gone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from shareviz.errors import SharevizError
from shareviz.training.protocol import RunSpec

_LONGEST = 1_000_000  # bytes of a spec


def main() -> int:
    """Train what standard input asks for; return 0, or 2 where the spec was refused."""
    events = _events_only()
    lines = _Lines()
    stop = threading.Event()

    def emit(event: Mapping[str, Any]) -> None:
        events.write(json.dumps(event, allow_nan=False) + "\n")
        events.flush()

    try:
        spec = RunSpec.from_json(lines.next() or "").settle()
        threading.Thread(target=_watch, args=(lines, stop), daemon=True).start()
        _train(spec, emit, stop.is_set)
    except SharevizError as error:
        emit({"event": "failed", "code": error.code, "message": error.message, "hint": error.hint})
        return 2
    except (BrokenPipeError, KeyboardInterrupt):
        return 1  # nobody listens any more
    return 0


def _train(spec: RunSpec, emit: Callable[[Mapping[str, Any]], None], should_stop: Callable[[], bool]) -> None:
    # read by cuBLAS when it is first used; without it equal seeds differ on a GPU
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    from shareviz.training.course import run

    # in this process only: two threads a worker starve the server and its other workers
    torch.set_num_threads(1)
    if spec.device == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    run(spec, emit, should_stop=should_stop)


def _events_only() -> IO[str]:
    """Return standard output for events, and send what libraries print there to standard error."""
    kept = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(kept, "w", encoding="utf-8")


class _Lines:
    """Lines of standard input, read from the descriptor.

    A thread that sits in `sys.stdin.readline` holds a lock that the interpreter needs at its end.
    """

    def __init__(self) -> None:
        self._rest = b""

    def next(self) -> str | None:
        """Return the next line without its end, or None when the input has ended."""
        while b"\n" not in self._rest and len(self._rest) < _LONGEST:
            more = os.read(0, 65_536)
            if not more:
                return None
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace")


def _watch(lines: _Lines, stop: threading.Event) -> None:
    while (line := lines.next()) is not None:
        if line.strip() == "stop":
            break
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
