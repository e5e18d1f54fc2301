"""Runs in worker processes: start, find, watch, stop, go on, and a queue where too many are wanted.

The folders are the truth; what is in memory is a cache of them, so a restart finds every run.
"""

from __future__ import annotations

import atexit
import subprocess
import threading
from collections import deque
from pathlib import Path

from shareviz.errors import SharevizError
from shareviz.text import plural
from shareviz.training.course import kept_of
from shareviz.training.crew import cores as cores_here
from shareviz.training.folders import RunFolder, event_of, home
from shareviz.training.job import Job, on_disk
from shareviz.training.order import Order
from shareviz.training.process import cause, halt, say, spawn
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Event

__all__ = ["MOST_REMEMBERED", "MOST_WAITING", "Job", "Jobs"]

MOST_WAITING = 20
MOST_REMEMBERED = 64


class Jobs:
    """The registry. One for a server process.

    Args:
        root: The folder of run folders, by default `runs` in `home()`.
        at_most: Runs at a time, by default one for each core; a public host takes 1.
        seconds: After which a run is stopped; finished seeds are kept. None: no limit.
        cores: That all runs together may take, by default all. Each has at least one process; those
            that are left over go to the runs that began first, and are given back when others begin.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        at_most: int | None = None,
        seconds: float | None = None,
        cores: int | None = None,
    ) -> None:
        self.root = root if root is not None else home() / "runs"
        self.cores = cores or cores_here()
        self.at_most = at_most or self.cores
        self.seconds = seconds
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []  # in the order in which they began
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
            self._check_room()
            return self._queue(Job(RunFolder.create(self.root, spec, owner), spec, owner))

    def resume(self, job_id: str) -> Job:
        """Let a run that ended before its time go on: what is finished is kept, the rest is trained.

        Raises:
            OptionError: There is no such job (code `no-run`).
            SharevizError: It goes on, is whole or was refused (code `whole`); it is held by another
                process (code `not-here`); too many are waiting (code `busy`).
        """
        with self._lock:
            job = self.find(job_id)
            _check_resumable(job)
            self._check_room()
            return self._queue(job)

    def copy(self, job_id: str, *, owner: str = "") -> Job:
        """Let a new run take over what another has finished, and train the rest; the other stays as it is.

        Raises:
            OptionError: There is no such job (code `no-run`).
            SharevizError: As `resume`.
        """
        with self._lock:
            job = self.find(job_id)
            _check_resumable(job)
            self._check_room()
            copy = Job(RunFolder.create(self.root, job.spec, owner), job.spec, owner)
            for event in kept_of(job.events()):
                copy.folder.append(event)
                copy._events.append(event)
            return self._queue(copy)

    def find(self, job_id: str) -> Job:
        """Return a job by its id, which may come from a link.

        Raises:
            OptionError: There is none (code `no-run`).
        """
        with self._lock:
            known = self._jobs.get(job_id)
            if known is not None and not known.stale():
                return known
            self._remember(job := on_disk(RunFolder.find(self.root, job_id)))
            return job

    @property
    def running(self) -> tuple[Job, ...]:
        """The runs that train now, in the order in which they began."""
        with self._lock:
            return tuple(self._running)

    def place(self, job_id: str) -> int:
        """Return how many runs come before this one may begin; 0: it has begun."""
        with self._lock:
            job = self.find(job_id)
            return list(self._waiting).index(job) + 1 if job in self._waiting else 0

    def seconds_until(self, job_id: str) -> float | None:
        """Return about how long the first in the queue has to wait; None: it cannot be said."""
        with self._lock:
            if self.place(job_id) != 1:
                return None
            left = [job.seconds_left() for job in self._running]
            known = [seconds for seconds in left if seconds is not None]
            return min(known) if known and len(known) == len(left) else None

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
                raise _elsewhere("Stop it there.")

    def close(self) -> None:
        """End all workers; what they finished is kept. Nothing starts after this."""
        with self._lock:
            waiting, self.at_most = tuple(self._waiting), 0
            self._waiting.clear()
            processes = [job._process for job in self._running if job._process is not None]
            for job in self._running:
                job._ending = job._ending or "The app was closed. Finished seeds are kept. Go on from there."
            for job in waiting:
                job._add({"event": "stopped", "message": "The app was closed before this run began."})
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                process.kill()
        atexit.unregister(self.close)

    def _check_room(self) -> None:
        if len(self._waiting) >= MOST_WAITING:
            raise SharevizError(
                f"{plural(len(self._waiting), 'run')} wait already.", code="busy", hint="Try again later."
            )

    def _queue(self, job: Job) -> Job:
        job._hold = job.folder.hold()
        if job._hold is None:
            raise _elsewhere("Open it there.")
        job.folder.mend()
        job._queue()
        self._remember(job)
        self._waiting.append(job)
        self._begin_waiting()
        return job

    def _remember(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        ended = [other for other in self._jobs.values() if other.ended]
        for other in ended[: max(0, len(self._jobs) - MOST_REMEMBERED)]:
            if other is not job:
                del self._jobs[other.id]  # the folder stays, and `find` reads it

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._running) < self.at_most:
            job = self._waiting.popleft()
            job._phase = "starting"
            self._running.append(job)
            threading.Thread(target=self._watch, args=(job,), name=f"job {job.id}", daemon=True).start()
        self._share_cores()

    def _share_cores(self) -> None:
        """Say to each run how many processes it may have from now on."""
        each, more = divmod(self.cores, max(1, len(self._running)))
        for place, job in enumerate(self._running):
            wanted = max(1, each + (place < more))
            if job._process is not None and job._cores != wanted:
                say(job._process, f"cores {wanted}")
            job._cores = wanted

    def _watch(self, job: Job) -> None:
        limit = threading.Timer(self.seconds or 0, self._out_of_time, (job,))
        try:
            with job.folder.log.open("ab") as log, spawn(log.fileno()) as process:
                self._order(job, process)
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
                self._running.remove(job)
                self._begin_waiting()

    def _order(self, job: Job, process: subprocess.Popen[str]) -> None:
        """Say to a new worker what to train, and to stop where that was asked for meanwhile."""
        with self._lock:
            job._process = process
            say(process, Order(job.spec, job._cores, job.events()).to_json())
            if job._ending:
                threading.Thread(target=halt, args=(process,), daemon=True).start()

    def _out_of_time(self, job: Job) -> None:
        limit = plural(round(self.seconds or 0), "second")
        self.stop(job.id, why=f"The limit of {limit} was reached. Finished seeds are kept.")


def _check_resumable(job: Job) -> None:
    if not job.resumable:
        raise SharevizError("This run has nothing left to go on with.", code="whole", hint="Start a new one.")


def _elsewhere(hint: str) -> SharevizError:
    return SharevizError("This run was started by another process.", code="not-here", hint=hint)


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
    words = f"The worker stopped {job.where()} ({cause(code, job.folder.log)}). Finished seeds are kept."
    return {"event": "died", "message": words, "hint": "Go on, or try fewer seeds.", "code": code}
