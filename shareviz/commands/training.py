"""`train`: a small comparison, event by event."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareviz.commands._answer import Answer
from shareviz.commands._training_run import Asked, asked, crew_of, interruptible
from shareviz.text import count, plural

if TYPE_CHECKING:
    from shareviz.training.protocol import RunSpec
    from shareviz.training.results import Result
    from shareviz.training.statistics import Comparison


def train(options: Namespace) -> Answer:
    """Run a comparison; under --json every event is a line as it happens, the result the last.

    A Ctrl-C ends it with what is finished, exit code 130.
    """
    from shareviz.training.results import result_of

    if options.tensorboard:
        _check_logs(Path(options.tensorboard))
    with asked(options) as wanted:
        tell = _json_lines if options.json else _finished(wanted.spec)
        events = list(wanted.kept)

        def hear(event: Mapping[str, Any]) -> None:
            events.append(event)
            if wanted.folder is not None:
                wanted.folder.append(event)
            tell(event)

        _go(options, wanted, hear)
        result = result_of(wanted.spec, events)
        if wanted.folder is not None:
            wanted.folder.write_result(result)
    if options.tensorboard:
        from shareviz.training.tensorboard import write_logs

        write_logs(result, Path(options.tensorboard))
    code = 0 if result.status == "done" else 130
    if options.json:
        _json_lines({"event": "result", "result": json.loads(result.to_json())})
        return Answer(None, code=code)
    return Answer(None, _trained(result) if result.members else result.note, code=code)


def _go(options: Namespace, wanted: Asked, hear: Callable[[Mapping[str, Any]], None]) -> None:
    from shareviz.training.course import finished, run

    if wanted.kept and len(finished(wanted.kept)) == wanted.spec.runs and _ended(wanted):
        return  # nothing is left, and nothing is loaded
    with crew_of(options) as crew, interruptible() as stop:
        run(wanted.spec, hear, should_stop=stop.is_set, kept=wanted.kept, crew=crew)


def _ended(wanted: Asked) -> bool:
    return bool(wanted.kept) and wanted.kept[-1]["event"] == "done"


def _check_logs(folder: Path) -> None:
    """Refuse before the training what would be refused after it."""
    from shareviz.training.tensorboard import check

    check(folder)


def _json_lines(event: Mapping[str, Any]) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


def _finished(spec: RunSpec) -> Callable[[Mapping[str, Any]], None]:
    """Return what tells a person, on standard error, which training is done."""
    titles: dict[str, str] = {}

    def show(event: Mapping[str, Any]) -> None:
        if event["event"] == "start":
            titles.update({arm["name"]: arm["title"] for arm in event["arms"]})
        if event["event"] == "member_done":
            who = titles.get(event["version"], event["version"])
            print(f"{who}, seed {event['seed'] + 1} of {spec.seeds}", file=sys.stderr, flush=True)

    return show


def _trained(result: Result) -> str:
    from shareviz.training.verdict import amount, measured, verdict

    about = f"{result.task.title}: {measured(result.task.metric)}, {plural(result.spec.seeds, 'seed')}"
    lines = [verdict(result), f"{about}, {result.device}", ""]
    lines[:0] = [result.note, ""] if result.note else []
    for row in result.table():
        mean = "diverged" if row.mean is None else amount(result, row.mean)
        spread = "" if row.sd is None else f" ± {amount(result, row.sd)}"
        lines.append(f"  {row.arm.title:<20} {mean + spread:<16} stores {count(row.arm.stored)}")
    for column, pairs in result.columns():
        lines += ["", column.title]
        lines += [f"  {_compared(result, pair)}" for pair in pairs]
    return "\n".join(lines)


def _compared(result: Result, pair: Comparison) -> str:
    from shareviz.training.verdict import difference

    names = f"{result.arm(pair.version).title} against {result.arm(pair.reference).title}"
    return f"{names}: {pair.verdict} (difference {difference(result, pair)})"
