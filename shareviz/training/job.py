"""One run as this process knows it: its state in a word, its events, how far it is."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from typing import IO

from shareviz.text import plural
from shareviz.training.course import finished
from shareviz.training.folders import RunFolder
from shareviz.training.progress import Progress, progress_of
from shareviz.training.protocol import RunSpec
from shareviz.training.results import ENDS, Event, Result, result_of

_SURE = 0.04  # of all steps: less says too little about the time that is left


@dataclass(slots=True, eq=False)
class Job:
    """One run, from this process or found on disk. All methods may be called from any thread.

    `owner` is what `Jobs.start` was given; whoever knows it may stop the run.
    """

    folder: RunFolder
    spec: RunSpec
    owner: str = ""
    _events: list[Event] = field(default_factory=list)
    _phase: str = ""  # waiting, starting or running here; "": it has ended, or goes on elsewhere
    _process: subprocess.Popen[str] | None = None
    _ending: str = ""  # why it was asked to stop
    _hold: IO[bytes] | None = None
    _cores: int = 0
    _size: int = 0  # of the events on disk when it ended, or was found
    _since: tuple[float, float] | None = None  # a moment since it goes on, and the share done then

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def state(self) -> str:
        """waiting, starting, running or stopping; at its end done, stopped, failed or died."""
        if self._phase:
            return "stopping" if self._ending and self._phase != "waiting" else self._phase
        last = self._events[-1]["event"] if self._events else ""
        return str(last) if last in ENDS else "running"

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    @property
    def message(self) -> str:
        """A sentence for the page where the run did not end as planned, with what to do; or ""."""
        last = self._events[-1] if self.ended else {}
        return f"{last.get('message', '')} {last.get('hint', '')}".strip()

    @property
    def left(self) -> int:
        """Trainings that are not finished."""
        return self.spec.runs - len(finished(self.events()))

    @property
    def resumable(self) -> bool:
        """Whether it ended before its time and can go on; one that was refused cannot."""
        return self.state in ("stopped", "died") and self.left > 0

    def events(self, since: int = 0) -> tuple[Event, ...]:
        """Return the events from a position on."""
        return tuple(self._events[since:])

    def progress(self) -> Progress:
        """Return how far it is."""
        return progress_of(self.events())

    def result(self) -> Result:
        """Return what was found so far."""
        return result_of(self.spec, self.events())

    def stale(self) -> bool:
        """Whether another process went on with it since."""
        return not self._phase and (not self.ended or self.folder.size() != self._size)

    def seconds_left(self) -> float | None:
        """Return about how long it still takes at its pace so far; None: too early to say."""
        if self._since is None or not self._phase:
            return None
        begun, before = self._since
        share = self.progress().fraction
        if share - before < _SURE:
            return None
        return (time.monotonic() - begun) * (1 - share) / (share - before)

    def where(self) -> str:
        """Return how far it came, in words."""
        now = self.progress()
        if now.step:
            return f"at step {now.step}"
        return f"after {plural(now.finished, 'training')}" if now.finished else "before the first step"

    def _queue(self) -> None:
        """Wait for a turn, the first or one more."""
        self._phase, self._ending, self._process, self._since = "waiting", "", None, None

    def _add(self, event: Event) -> None:
        kind = event["event"]
        if kind == "stopped" and self._ending:
            event = {**event, "message": self._ending}
        self.folder.append(event)
        if kind in ENDS:
            self._size = self.folder.size()
            self.folder.write_result(result_of(self.spec, (*self._events, event)))
        self._events.append(event)  # last: who sees the end also finds the result
        if kind == "progress" and self._since is None:
            self._since = (time.monotonic(), self.progress().fraction)
        self._phase = "" if kind in ENDS else "running"
        if kind in ENDS and self._hold is not None:
            self._hold.close()
            self._hold = None


def on_disk(folder: RunFolder) -> Job:
    """Return the run of a folder that nobody in this process trains."""
    size = folder.size()  # before the events: what comes meanwhile is read the next time
    job = Job(folder, folder.spec(), folder.owner(), list(folder.events()), _size=size)
    if not job.ended and (lock := folder.hold()) is not None:
        lock.close()  # so nobody anywhere trains it
        words = f"The app was closed while this ran ({job.where()}). Finished seeds are kept."
        if not job._events:
            words = "The app was closed before this run began."
        job._events.append({"event": "died", "message": words, "hint": "Go on from there."})
    return job
