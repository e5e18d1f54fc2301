"""Many hands for one run: its groups go to executors, in other processes or on other machines.

An executor is what `concurrent.futures` calls one: `submit(fn, *args)` returns a future. What is sent is
plain data (`RunSpec`, `Group`, `Sink`) and `train_apart`, which any process finds by its name.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from shareviz.errors import OptionError, SharevizError
from shareviz.training.course import Emit
from shareviz.training.post import Post, Sink
from shareviz.training.protocol import RunSpec

if TYPE_CHECKING:
    from shareviz.training.engine.group import Group, Streams

_WAIT_SECONDS = 0.05
Refusal = tuple[str, str, str]  # code, message, hint


class Submits(Protocol):
    """The part of `concurrent.futures.Executor` that is used."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Return the future of a call."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls."""


def cores() -> int:
    """Return how many cores this process may use."""
    count = getattr(os, "sched_getaffinity", None)
    return len(count(0)) if count is not None else os.cpu_count() or 1


def train_apart(spec: RunSpec, group: Group, sink: Sink) -> Refusal | None:
    """Train a group wherever this runs and send its events to a sink; return why it was refused, or None."""
    from shareviz.training.engine.group import train_group
    from shareviz.training.engine.member import Stopped

    with sink.open() as line:
        try:
            train_group(spec, group, line.emit, line.stopped, streams=_streams(spec.task, spec.device))
        except Stopped:
            return None
        except SharevizError as error:
            return error.code, error.message, error.hint
    return None


def warm() -> None:
    """Import what training needs, so that the first group does not wait for it."""
    import torch

    import shareviz.training.engine  # noqa: F401

    torch.set_num_threads(1)  # a process for each core: more threads would fight for them


class _Held(threading.local):
    """The batches that this thread made last: two threads would make one list together."""

    of: tuple[str, str] = ("", "")
    streams: Streams | None = None


_HELD = _Held()


def _streams(task: str, device: str) -> Streams:
    from shareviz.training.engine import streams_of

    if _HELD.streams is None or _HELD.of != (task, device):
        _HELD.of, _HELD.streams = (task, device), streams_of(RunSpec(task, device=device))
    return _HELD.streams


@dataclass(slots=True, eq=False)
class _Hand:
    """One executor, which trains one group at a time. `group` is None while it warms up or rests."""

    executor: Submits
    future: Future[Any] | None = None
    group: Group | None = None


@dataclass(slots=True)
class Hands:
    """Trains groups side by side: a hand in this process, the others through executors.

    The others begin when the first has shown a point, so that the first point does not wait for them.

    Args:
        most: How many at a time; asked again before each group, so that it may change.
        another: Makes the executor of one more hand. By default a process of its own.
        host: Where other machines reach this one, if they are to.
        here: Whether this process trains, too.
        patience: Seconds after the first point before others are called: a short run ends without them.
    """

    most: Callable[[], int] = cores
    another: Callable[[], Submits] = field(default_factory=lambda: process)
    host: str = "127.0.0.1"
    here: bool = True
    patience: float = 1.0
    _hands: list[_Hand] = field(default_factory=list)
    _post: Post | None = None
    _others: set[int | None] = field(default_factory=set)  # processes that are not of this crew
    _seen: float | None = None  # when the first point came

    def train(
        self, spec: RunSpec, groups: Sequence[Group], emit: Emit, should_stop: Callable[[], bool]
    ) -> None:
        """Train all groups; those of a hand that broke are trained by another.

        Raises:
            Stopped: `should_stop` said so; members that are done were told.
            SharevizError: A group was refused, or no hand is left (code `no-hands`).
        """
        from shareviz.training.engine.member import Stopped

        post = self._post = self._post or Post(self.host)
        waiting, stopping = deque(groups), False
        while waiting or any(hand.group for hand in self._hands):
            if should_stop() and not stopping:
                stopping = True
                waiting.clear()
                post.stop()
            self._give(spec, waiting, post.sink)
            self._tell(post, emit, _WAIT_SECONDS)
            self._collect(waiting, stopping=stopping)
        self._tell(post, emit)
        if stopping:
            raise Stopped

    def close(self) -> None:
        """Send all hands home; processes that still import torch are not waited for."""
        if self._post is not None:
            self._post.close()
        for hand in self._hands:
            hand.executor.shutdown(wait=False, cancel_futures=True)
        self._hands.clear()
        for one in multiprocessing.active_children():
            if one.pid not in self._others:
                one.terminate()

    def __enter__(self) -> Hands:
        self._others = {one.pid for one in multiprocessing.active_children()}
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _give(self, spec: RunSpec, waiting: deque[Group], sink: Sink) -> None:
        """Give waiting groups to hands that rest, with as many hands as there may be."""
        most = max(1, self.most()) if spec.device in ("cpu", "auto") else 1  # on one GPU they take turns
        for hand in [hand for hand in self._hands[most:] if hand.future is None]:
            self._hands.remove(hand)
            hand.executor.shutdown(wait=False)
        self._call(most, len(waiting))
        for hand in self._hands[:most]:
            if hand.future is None and waiting:
                hand.group = waiting.popleft()
                hand.future = hand.executor.submit(train_apart, spec, hand.group, sink)

    def _call(self, most: int, waiting: int) -> None:
        """Call one more hand where one is wanted; it warms up first."""
        resting = sum(hand.group is None for hand in self._hands)
        if len(self._hands) >= most or resting >= waiting:
            return
        if self.here and not self._hands:
            self._hands.append(_Hand(ThreadPoolExecutor(1, "train", initializer=warm)))
        elif not self.here or (self._seen is not None and monotonic() - self._seen > self.patience):
            with _deaf():
                made = self.another()
                self._hands.append(_Hand(made, made.submit(warm)))

    def _tell(self, post: Post, emit: Emit, seconds: float = 0.0) -> None:
        for event in post.take(seconds):
            if self._seen is None and event["event"] == "progress":
                self._seen = monotonic()
            emit(event)

    def _collect(self, waiting: deque[Group], *, stopping: bool) -> None:
        """Let hands rest that are done; put back the group of one that broke."""
        for hand in list(self._hands):
            if hand.future is None or not hand.future.done():
                continue
            future, group, hand.future, hand.group = hand.future, hand.group, None, None
            try:
                refused = future.result()
            except BrokenExecutor as error:
                self._hands.remove(hand)
                if not self.here:
                    raise SharevizError(
                        f"A process that trains ended: {error}", code="no-hands", hint="Go on with fewer."
                    ) from error
                if group is not None and not stopping:
                    waiting.appendleft(group)
                self.most = lambda: 1  # it may have been for want of memory
                continue
            if refused is not None:
                raise OptionError(refused[1], code=refused[0], hint=refused[2])


def process() -> Executor:
    """Return an executor of one more process, which ends with this one."""
    context = multiprocessing.get_context("spawn")  # torch and threads do not survive a fork
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that begin meanwhile not hear a Ctrl-C, from their first moment on."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the process that asked
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    """Leave when the parent has: one that was killed could not say goodbye."""
    parent.join()
    os._exit(1)
