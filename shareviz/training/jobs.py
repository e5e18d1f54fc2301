"""Runs in worker processes: start, find, watch, stop, and a queue where too many are wanted.

The folders are the truth; what is in memory is a cache of them, so a restart finds every run.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from shareviz.errors import SharevizError
from shareviz.text import plural
from shareviz.training.folders import RunFolder, event_of, home
from shareviz.training.process import cause, halt, say, spawn
from shareviz.training.progress import Progress, progress_of
from shareviz.training.protocol import RunSpec
from shareviz.training.results import ENDS, Event, Result, result_of

MOST_WAITING = 20
MOST_REMEMBERED = 64
_FRESH_SECONDS = 30.0  # an unfinished run that wrote within this time goes on in another process


@dataclass(slots=True, eq=False)
class Job:
    """One run, from this process or found on disk. All methods may be called from any thread.

    `owner` is what `Jobs.start` was given; it is forgotten by a restart.
    """

    folder: RunFolder
    spec: RunSpec
    owner: str = ""
    _events: list[Event] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None
    _ending: str = ""  # why it was asked to stop
    _begun: bool = False
    _here: bool = True  # False: found on disk

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def state(self) -> str:
        """waiting, starting, running or stopping; at its end done, stopped, failed or died."""
        last = self._events[-1]["event"] if self._events else ""
        if last in ENDS:
            return str(last)
        if self._ending:
            return "stopping"
        if self._events:
            return "running"
        return "starting" if self._begun else "waiting"

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    @property
    def message(self) -> str:
        """A sentence for the page where the run did not end as planned, with what to do; or ""."""
        last = self._events[-1] if self.ended else {}
        return f"{last.get('message', '')} {last.get('hint', '')}".strip()

    def events(self, since: int = 0) -> tuple[Event, ...]:
        """Return the events from a position on."""
        return tuple(self._events[since:])

    def progress(self) -> Progress:
        """Return how far it is."""
        return progress_of(self.events())

    def result(self) -> Result:
        """Return what was found so far."""
        return result_of(self.spec, self.events())

    def _add(self, event: Event) -> None:
        if event["event"] == "stopped" and self._ending:
            event = {**event, "message": self._ending}
        self.folder.append(event)
        if event["event"] in ENDS:
            self.folder.write_result(result_of(self.spec, (*self._events, event)))
        self._events.append(event)  # last: who sees the end also finds the result


class Jobs:
    """The registry. One for a server process.

    Args:
        root: The folder of run folders, by default `runs` in `home()`.
        at_most: Workers at a time, by default one for each core; a public host takes 1.
        seconds: After which a run is stopped; finished seeds are kept. None: no limit.
    """

    def __init__(
        self, root: Path | None = None, *, at_most: int | None = None, seconds: float | None = None
    ) -> None:
        self.root = root if root is not None else home() / "runs"
        self.at_most = at_most or os.cpu_count() or 1
        self.seconds = seconds
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: set[Job] = set()
        self._lock = threading.RLock()
        atexit.register(self.close)

    def start(self, spec: RunSpec, *, owner: str = "") -> Job:
        """Return a new job, which begins at once or waits for its turn.

        Raises:
            OptionError: As `RunSpec.settle`.
            SharevizError: Too many are waiting (code `busy`).
        """
        spec = spec.settle()
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise SharevizError(
                    f"{plural(len(self._waiting), 'run')} wait already.", code="busy", hint="Try again later."
                )
            job = Job(RunFolder.create(self.root, spec), spec, owner)
            self._remember(job)
            self._waiting.append(job)
            self._begin_waiting()
        return job

    def find(self, job_id: str) -> Job:
        """Return a job by its id, which may come from a link.

        Raises:
            OptionError: There is none (code `no-run`).
        """
        with self._lock:
            if job_id not in self._jobs or not self._jobs[job_id]._here:
                self._remember(_from_disk(RunFolder.find(self.root, job_id)))
            return self._jobs[job_id]

    def place(self, job_id: str) -> int:
        """Return how many runs come before this one may begin; 0: it has begun."""
        with self._lock:
            job = self.find(job_id)
            return list(self._waiting).index(job) + 1 if job in self._waiting else 0

    def stop(self, job_id: str, *, why: str = "Stopped. Finished seeds are kept.") -> None:
        """Ask a job to end, and return at once; a worker that does not is terminated.

        Raises:
            OptionError: There is no such job (code `no-run`).
            SharevizError: It goes on in another process (code `not-here`).
        """
        with self._lock:
            job = self.find(job_id)
            if job.ended or job._ending:
                return
            if job in self._waiting:
                self._waiting.remove(job)
                job._add({"event": "stopped", "message": "Stopped before it began."})
            elif job in self._running:
                job._ending = why
                if job._process is not None:
                    threading.Thread(target=halt, args=(job._process,), daemon=True).start()
            else:
                raise SharevizError(
                    "This run was started by another process.", code="not-here", hint="Stop it there."
                )

    def close(self) -> None:
        """End all workers; what they finished is kept. Nothing starts after this."""
        with self._lock:
            self._waiting.clear()
            self.at_most = 0
            processes = [job._process for job in self._running if job._process is not None]
            for job in self._running:
                job._ending = job._ending or "The app was closed. Finished seeds are kept. Run it again."
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                process.kill()
        atexit.unregister(self.close)

    def _remember(self, job: Job) -> None:
        self._jobs[job.id] = job
        ended = [other for other in self._jobs.values() if other.ended]
        for other in ended[: max(0, len(self._jobs) - MOST_REMEMBERED)]:
            del self._jobs[other.id]  # the folder stays, and `find` reads it

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._running) < self.at_most:
            job = self._waiting.popleft()
            job._begun = True
            self._running.add(job)
            threading.Thread(target=self._watch, args=(job,), name=f"job {job.id}", daemon=True).start()

    def _watch(self, job: Job) -> None:
        limit = threading.Timer(self.seconds or 0, self._out_of_time, (job,))
        try:
            with job.folder.log.open("wb") as log, spawn(log.fileno()) as process:
                with self._lock:
                    job._process = process
                    ending = job._ending
                say(process, job.spec.to_json())
                if ending:
                    threading.Thread(target=halt, args=(process,), daemon=True).start()
                if self.seconds is not None:
                    limit.daemon = True
                    limit.start()
                _read(process, job)
            if not job.ended:
                job._add(_early_end(job, process.returncode))
        except OSError as error:
            job._add({"event": "died", "message": f"The worker could not be started: {error.strerror}."})
        finally:
            limit.cancel()
            with self._lock:
                self._running.discard(job)
                self._begin_waiting()

    def _out_of_time(self, job: Job) -> None:
        limit = plural(round(self.seconds or 0), "second")
        self.stop(job.id, why=f"The limit of {limit} was reached. Finished seeds are kept.")


def _read(process: subprocess.Popen[str], job: Job) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = event_of(line)  # a killed worker leaves half a line
        if event is not None:
            job._add(event)


def _early_end(job: Job, code: int) -> Event:
    """Return the last event of a worker that went without one."""
    if job._ending:
        return {"event": "stopped", "message": job._ending}
    where = _where(job)
    words = f"The worker stopped {where} ({cause(code, job.folder.log)}). Finished seeds are kept."
    return {"event": "died", "message": words, "hint": "Try fewer seeds.", "code": code}


def _where(job: Job) -> str:
    now = job.progress()
    if now.step:
        return f"at step {now.step}"
    return f"after {plural(now.finished, 'training')}" if now.finished else "before the first step"


def _from_disk(folder: RunFolder) -> Job:
    job = Job(folder, folder.spec(), _events=list(folder.events()), _here=False)
    if not job.ended and folder.quiet_seconds() > _FRESH_SECONDS:
        words = f"The app was closed while this ran ({_where(job)}). Finished seeds are kept."
        job._events.append({"event": "died", "message": words, "hint": "Run it again."})
    return job
