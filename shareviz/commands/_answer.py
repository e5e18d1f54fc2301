"""What every command shares: its answer, its model, and the files it reads and writes."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shareviz.errors import SharevizError
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot
from shareviz.sources import open_source
from shareviz.text import clean


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command prints: `data` under --json, `text` otherwise, and its exit code."""

    data: Any
    text: str = ""
    code: int = 0


def opened(options: Namespace) -> Snapshot:
    """Return the model of a command, under its plan and design."""
    seen = open_source(options.source, pick=options.pick, run_code=options.run_code)
    return planned(seen, options)


def planned(seen: Snapshot, options: Namespace) -> Snapshot:
    """Return a model under the plan and the design of a command."""
    return plan_of(seen, options).apply(seen)


def plan_of(seen: Snapshot, options: Namespace) -> Plan:
    """Return the plan of a command, then its design; an empty one where neither is given."""
    plan = _saved_plan(options.plan) if options.plan else Plan()
    if options.design:
        from shareviz.design import Design

        plan = plan.then(Design.parse(options.design).plan(plan.apply(seen)))
    return plan


def text_of(path: str) -> str:
    """Return the text of a file that an option names; one that cannot be read is refused."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SharevizError(
            f"{clean(path, 80)} cannot be read as text.",
            code="not-a-file",
            hint="Give a JSON file that exists.",
        ) from error


def written(path: Path, content: bytes) -> Answer:
    """Write a file and return the answer that says so."""
    write(path, content)
    return Answer({"written": str(path), "bytes": len(content)}, f"Wrote {path}")


def write(path: Path, content: bytes) -> None:
    """Write a file; one that cannot be written is refused."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SharevizError(
            f"{clean(str(path), 80)} cannot be written: {error.strerror}.",
            code="not-a-file",
            hint="Choose a folder that exists and that you may write to.",
        ) from error


def _saved_plan(path: str) -> Plan:
    from shareviz.jsonio import plan_from_json

    return plan_from_json(text_of(path))
