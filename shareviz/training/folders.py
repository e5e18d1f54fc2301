"""Where runs live: one folder for each, with spec.json, events.jsonl and result.json."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from shareviz.errors import OptionError
from shareviz.text import clean
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Event, Result

_ID = re.compile(r"[0-9a-f]{24}\Z")  # 96 random bits: whoever has the link may watch, nobody guesses it


def home() -> Path:
    """Return the folder for a person's data: SHAREVIZ_HOME, or the platform's usual place."""
    stated = os.environ.get("SHAREVIZ_HOME")
    if stated:
        return Path(stated)
    from platformdirs import user_data_path

    return user_data_path("shareviz", appauthor=False)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run on disk; its name is its id."""

    path: Path

    @classmethod
    def create(cls, root: Path, spec: RunSpec, owner: str = "") -> RunFolder:
        """Make a folder under a new id and write the spec into it, and a mark of its owner."""
        folder = cls(root / secrets.token_hex(12))
        folder.path.mkdir(parents=True, mode=0o700)
        if owner:
            (folder.path / "owner").write_text(owner + "\n", encoding="utf-8")
        (folder.path / "spec.json").write_text(spec.to_json() + "\n", encoding="utf-8")
        return folder

    @classmethod
    def at(cls, path: Path, spec: RunSpec) -> RunFolder:
        """Make a run's folder where a person wants it.

        Raises:
            OptionError: A run is there already (code `taken`), or nothing can be written there.
        """
        folder = cls(path)
        if (path / "spec.json").exists():
            raise OptionError(
                f"{clean(str(path), 200)} holds a run already.",
                code="taken",
                hint="Go on with it by --resume, or choose another folder.",
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "spec.json").write_text(spec.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            raise _unwritable(path, error) from error
        return folder

    @classmethod
    def opened(cls, path: Path) -> RunFolder:
        """Return the folder of a run that was begun there.

        Raises:
            OptionError: There is none (code `no-run`).
        """
        if not (path / "spec.json").is_file():
            raise OptionError(
                f"{clean(str(path), 200)} holds no run.", code="no-run", hint="Name the folder of a run."
            )
        return cls(path)

    @classmethod
    def find(cls, root: Path, job_id: str) -> RunFolder:
        """Return the folder of an id, which may come from anywhere.

        Raises:
            OptionError: No run has this id, or it is none.
        """
        folder = cls(root / job_id) if _ID.match(job_id) else None
        if folder is None or not (folder.path / "spec.json").is_file():
            raise OptionError(
                f"There is no run {clean(job_id, 40)!r} here.", code="no-run", hint="Start a new one."
            )
        return folder

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def log(self) -> Path:
        """What the worker wrote to standard error."""
        return self.path / "worker.log"

    def owner(self) -> str:
        """Return the mark of whoever started it, "" where nobody left one."""
        try:
            return (self.path / "owner").read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def spec(self) -> RunSpec:
        """Return the spec, settled."""
        return RunSpec.from_json((self.path / "spec.json").read_text(encoding="utf-8")).settle()

    def append(self, event: Event) -> None:
        """Add one event to events.jsonl."""
        with self._events.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, allow_nan=False) + "\n")

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far; a last line that was cut off is left out."""
        if not self._events.exists():
            return []
        lines = self._events.read_text(encoding="utf-8").splitlines()
        return [event for line in lines if (event := event_of(line)) is not None]

    def size(self) -> int:
        """Return the bytes of the events so far."""
        return self._events.stat().st_size if self._events.exists() else 0

    def hold(self) -> IO[bytes] | None:
        """Return a file that only one process may hold open, or None where another holds it.

        It is let go by closing it, and by the end of the process however that comes.
        """
        file = (self.path / "lock").open("ab")
        try:
            _lock(file.fileno())
        except OSError:
            file.close()
            return None
        return file

    def mend(self) -> None:
        """End a last line that was cut off, so that the next event gets a line of its own."""
        if self._events.exists() and not self._events.read_bytes().endswith(b"\n"):
            with self._events.open("ab") as file:
                file.write(b"\n")

    def write_result(self, result: Result) -> None:
        """Write result.json, whole or not at all."""
        part = self.path / "result.json.part"
        part.write_text(result.to_json() + "\n", encoding="utf-8")
        part.replace(self.path / "result.json")

    @property
    def _events(self) -> Path:
        return self.path / "events.jsonl"


def event_of(line: str) -> dict[str, Any] | None:
    """Return the event on a line, or None where it holds none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, Mapping) and "event" in found else None  # type: ignore[return-value]


def _lock(descriptor: int) -> None:
    """Lock an open file for this process; an OSError says that another has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unwritable(path: Path, error: OSError) -> OptionError:
    reason = error.strerror or "it cannot be written"
    return OptionError(
        f"{clean(str(path), 200)}: {reason}.", code="unwritable", hint="Choose another folder."
    )
