"""The child process that trains: `python -m shareviz.training.worker`.

Reads an order as one line of JSON on standard input and writes events as lines of JSON on standard
output. A further line "cores 2" says how many processes may train from now on; "stop", or the end of the
input, ends it at the next step; so it also ends when the process that started it is gone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from shareviz.errors import SharevizError
from shareviz.training.order import Order

_LONGEST = 1_000_000  # bytes of an order


def main() -> int:
    """Train what standard input asks for; return 0, or 2 where the order was refused."""
    events = _events_only()
    lines = _Lines()

    def emit(event: Mapping[str, Any]) -> None:
        events.write(json.dumps(event, allow_nan=False) + "\n")
        events.flush()

    try:
        order = Order.from_json(lines.next() or "")
        heard = _Heard(order.cores)
        threading.Thread(target=heard.listen, args=(lines,), daemon=True).start()
        _train(order, emit, heard)
    except SharevizError as error:
        emit({"event": "failed", "code": error.code, "message": error.message, "hint": error.hint})
        return 2
    except (BrokenPipeError, KeyboardInterrupt):
        return 1  # nobody listens any more
    return 0


def _train(order: Order, emit: Callable[[Mapping[str, Any]], None], heard: _Heard) -> None:
    # read by cuBLAS when it is first used; without it equal seeds differ on a GPU
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    from shareviz.training.course import run
    from shareviz.training.crew import Hands

    # two threads a process starve the server and the other workers
    torch.set_num_threads(1)
    if order.spec.device == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    with Hands(lambda: heard.cores) as crew:
        run(order.spec, emit, should_stop=heard.stop.is_set, kept=order.kept, crew=crew)


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


class _Heard:
    """What was said after the order."""

    def __init__(self, cores: int) -> None:
        self.cores, self.stop = cores, threading.Event()

    def listen(self, lines: _Lines) -> None:
        """Follow the lines until one says stop, or they end."""
        while (line := lines.next()) is not None:
            word, _, number = line.strip().partition(" ")
            if word == "stop":
                break
            if word == "cores" and number.isdecimal():
                self.cores = int(number)
        self.stop.set()


if __name__ == "__main__":
    sys.exit(main())
