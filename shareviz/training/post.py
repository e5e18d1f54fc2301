"""How events travel from whoever trains a group to whoever asked for it, on this machine or another.

A `Sink` is plain data and can be sent anywhere. It leads to the `Post` of the process that asked: over it
go lines of JSON, and back comes the word to stop. If that process is gone, the line breaks, which means
stop too.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from types import TracebackType
from typing import Any

from shareviz.training.results import Event

_STOP, _END, _TAKEN = b"stop", b"end", b"taken"
_LOOK_SECONDS = 0.05  # between two looks at whether to stop: a look costs a system call


@dataclass(frozen=True, slots=True)
class Sink:
    """Where events go: an address, and the key that proves who sends them."""

    address: tuple[str, int]
    key: bytes

    def open(self) -> Line:
        """Return the line to it."""
        return Line(Client(self.address, authkey=self.key))


class Line:
    """The sender's end, for one group. Use it as a context; at its end all events have arrived."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stopped, self._looked = False, 0.0

    def emit(self, event: Mapping[str, Any]) -> None:
        """Send one event; where nobody listens any more it is lost, and `stopped` says so."""
        try:
            self._connection.send_bytes(json.dumps(event, allow_nan=False).encode())
        except OSError:
            self._stopped = True

    def stopped(self) -> bool:
        """Whether to stop."""
        now = time.monotonic()
        if not self._stopped and now - self._looked > _LOOK_SECONDS:
            self._looked = now
            try:
                self._stopped = self._connection.poll()  # a broken line can be read, too
            except OSError:
                self._stopped = True
        return self._stopped

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._connection.send_bytes(_END)
            while self._connection.recv_bytes() != _TAKEN:
                pass  # the word to stop, which comes too late
        except (EOFError, OSError):
            pass  # nobody is there who could have taken anything
        self._connection.close()


class Post:
    """The receiver's end, for all lines at once: a queue of their events.

    Args:
        host: The address under which other machines reach this one; by default none does.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._listener = Listener((host, 0), authkey=(key := secrets.token_bytes(32)))
        self.sink = Sink((host, self._listener.address[1]), key)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._lines: set[Connection] = set()
        self._lock = threading.Lock()
        self._stopping = self._closed = False
        threading.Thread(target=self._accept, name="post", daemon=True).start()

    def take(self, seconds: float = 0.0) -> list[Event]:
        """Return the events that have come, after waiting this long for the first."""
        found = []
        try:
            found.append(self._events.get(timeout=seconds) if seconds else self._events.get_nowait())
            while True:
                found.append(self._events.get_nowait())
        except queue.Empty:
            return found

    def stop(self) -> None:
        """Tell all senders to stop, and those that are still to come."""
        with self._lock:
            self._stopping = True
            lines = tuple(self._lines)
        for line in lines:
            _say(line, _STOP)

    def close(self) -> None:
        """Hear no more."""
        self._closed = True
        self.stop()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                line = self._listener.accept()
            except (OSError, EOFError):  # closed, or somebody without the key
                continue
            threading.Thread(target=self._hear, args=(line,), name="line", daemon=True).start()

    def _hear(self, line: Connection) -> None:
        with self._lock:
            self._lines.add(line)
            stopping = self._stopping
        if stopping:
            _say(line, _STOP)
        try:
            while (said := line.recv_bytes()) != _END:
                self._events.put(json.loads(said))
            _say(line, _TAKEN)
        except (EOFError, OSError):
            pass  # the sender is gone; its future says why
        finally:
            with self._lock:
                self._lines.discard(line)
            line.close()


def _say(line: Connection, word: bytes) -> None:
    try:
        line.send_bytes(word)
    except OSError:
        return
