"""What the Training page offers for download: numbers, pictures, and the code that repeats the run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from shareviz.charts import export
from shareviz.charts import training as charts
from shareviz.charts.frontier import frontier
from shareviz.charts.theme import Chart
from shareviz.training.job import Job
from shareviz.training.repeat import script
from shareviz.training.results import Result
from shareviz.training.tensorboard import missing, zipped
from shareviz.training.verdict import verdict
from shareviz.ui import theme
from shareviz.ui.view import Export


def training_exports(result: Result, job: Job | None) -> list[Export]:
    """Return a line for each seed, the result, its pictures, the code, and the events of an own run."""
    stem = theme.file_stem(f"{result.spec.task} {result.date[:10]}")
    made = [
        Export("Seeds (CSV)", f"{stem}.csv", "text/csv", lambda: seeds_csv(result)),
        Export("Result (JSON)", f"{stem}.json", "application/json", lambda: result.to_json().encode()),
        Export("Code (Python)", f"{stem}.py", "text/x-python", lambda: script(result).encode()),
    ]
    if job is not None:
        lines = "".join(f"{json.dumps(dict(event))}\n" for event in job.events())
        made.append(Export("Events (JSONL)", f"{stem}.jsonl", "application/jsonl", lambda: lines.encode()))
    if not missing():
        made.append(
            Export(
                "Logs for TensorBoard (ZIP)", f"{stem}-logs.zip", "application/zip", lambda: zipped(result)
            )
        )
    made += _pictures("Seeds", f"{stem}-seeds", lambda: charts.seed_dots(result), result)
    made += _pictures("Stored parameters", f"{stem}-frontier", lambda: frontier(result), result)
    made += _pictures("Curves", f"{stem}-curves", lambda: charts.all_curves(result), result)
    columns = result.columns()
    if columns:
        _, pairs = columns[0]
        made += _pictures(
            "Differences", f"{stem}-differences", lambda: charts.differences(result, pairs), result
        )
    return made


def seeds_csv(result: Result) -> bytes:
    """Return one line for each version and seed, for a spreadsheet; "" where a seed diverged."""
    out, sets = io.StringIO(), list(result.task.sets)
    table = csv.writer(out)
    table.writerow(
        ("version", "stored", "flops per step", "seed", "lr", "diverged at step", "seconds", *sets)
    )
    for one in result.members:
        arm = result.arm(one.version)
        ends = ("" if one.diverged is None else one.diverged, f"{one.seconds:.3f}")
        values = (one.values.get(name, "") for name in sets)
        table.writerow((one.version, arm.stored, arm.flops, one.seed, one.lr, *ends, *values))
    return out.getvalue().encode("utf-8-sig")


def _pictures(name: str, stem: str, draw: Callable[[], Chart], result: Result) -> list[Export]:
    """Return a chart as PNG and as SVG; it is drawn when one of them is clicked."""
    footer = f"{result.task.title} · {result.device or 'CPU'}, torch {result.torch} · {result.date[:10]}"
    given: dict[str, Any] = {"title": verdict(result), "footer": footer, "width": 720}

    def png() -> bytes:
        return export.chart_png(draw(), **given)

    def svg() -> bytes:
        return export.chart_svg(draw(), **given).encode()

    return [
        Export(f"{name} (PNG ×2)", f"{stem}.png", "image/png", png),
        Export(f"{name} (SVG)", f"{stem}.svg", "image/svg+xml", svg),
    ]
