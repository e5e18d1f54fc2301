"""What the Training page offers for download: numbers, pictures, and the code that repeats the run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from shareviz.charts import training as charts
from shareviz.charts.export import Print
from shareviz.charts.frontier import frontier
from shareviz.charts.theme import Chart
from shareviz.training.job import Job
from shareviz.training.repeat import script
from shareviz.training.results import Result
from shareviz.training.tensorboard import missing, zipped
from shareviz.training.verdict import verdict
from shareviz.ui import theme
from shareviz.ui.taste import Taste, chart_exports
from shareviz.ui.view import Export


def training_exports(result: Result, job: Job | None, taste: Taste) -> list[Export]:
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
    return made + _pictures(result, stem, taste)


def _pictures(result: Result, stem: str, taste: Taste) -> list[Export]:
    """Return each chart of the page as it is wanted: dark or light, transparent, at a scale."""
    footer = f"{result.task.title} · {result.device or 'CPU'}, torch {result.torch} · {result.date[:10]}"
    about = Print(
        mode=taste.theme, transparent=taste.transparent, title=verdict(result), footer=footer, width=720
    )
    drawn: list[tuple[str, str, Callable[[], Chart]]] = [
        ("Seeds", "seeds", lambda: charts.seed_dots(result, theme=taste.theme)),
        ("Stored parameters", "frontier", lambda: frontier(result, theme=taste.theme)),
        ("Curves", "curves", lambda: charts.all_curves(result, theme=taste.theme)),
    ]
    columns = result.columns()
    if columns:
        pairs = columns[0][1]
        drawn.append(
            ("Differences", "differences", lambda: charts.differences(result, pairs, theme=taste.theme))
        )
    given = about, taste.scale
    return [one for title, word, draw in drawn for one in chart_exports(title, f"{stem}-{word}", draw, given)]


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
