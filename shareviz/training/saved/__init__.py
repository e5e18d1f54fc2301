"""Runs that were made before: what the Training page and the lessons show first.

`python -m shareviz.training.saved` trains them anew; each file says when and where it ran.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from shareviz.training.protocol import RunSpec
from shareviz.training.results import Result

FOLDER = Path(__file__).parent

# all that a task offers, at the default number of seeds, so that every fair comparison has its numbers
SPECS: Mapping[str, RunSpec] = MappingProxyType(
    {
        "parity": RunSpec("parity", versions=("none", "all", "cycle2", "wide"), device="cpu"),
        "brackets": RunSpec(
            "brackets", versions=("none", "all", "cycle2", "one", "two", "wide"), device="cpu"
        ),
    }
)


@functools.cache
def saved_run(task: str) -> Result | None:
    """Return the run that was saved for a task, or None where there is none."""
    path = FOLDER / f"{task}.json"
    if task not in SPECS or not path.is_file():
        return None
    return Result.from_json(path.read_text(encoding="utf-8"))


def seconds_each(task: str) -> float | None:
    """Return the mean seconds of one training in the saved run, or None."""
    found = saved_run(task)
    return fmean(member.seconds for member in found.members) if found else None
