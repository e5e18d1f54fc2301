"""`train`: a small comparison, event by event."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from shareviz.commands._answer import Answer
from shareviz.text import count, plural

if TYPE_CHECKING:
    from shareviz.training.protocol import RunSpec
    from shareviz.training.results import Result
    from shareviz.training.statistics import Comparison


def train(options: Namespace) -> Answer:
    """Run a comparison; under --json every event is a line as it happens, the result the last."""
    from shareviz.training.compare import compare_training
    from shareviz.training.protocol import RunSpec

    spec = RunSpec(
        options.task,
        versions=tuple(filter(None, (options.versions or "").split(","))),
        seeds=options.seeds,
        steps=options.steps,
        own_best=options.own_rates,
        device=options.device,
        model=(options.model or "").removeprefix("catalogue:"),
    )

    result = compare_training(spec, _json_lines if options.json else _finished(spec))
    if options.json:
        _json_lines({"event": "result", "result": json.loads(result.to_json())})
        return Answer(None)
    return Answer(None, _trained(result))


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
