"""Runs that were made before: what the Training page and the lessons show first.

`python -m shareviz.training.saved [NAME …]` trains them anew; each file says when and where it ran.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from shareviz.training.protocol import RunSpec
from shareviz.training.results import Result
from shareviz.training.tasks import tasks

FOLDER = Path(__file__).parent

_MORE = {"hashed": 10, "multitask": 10}  # seeds, where a difference is small beside its spread


def _of_designs(*designs: str) -> RunSpec:
    return RunSpec("sort", ("none", *designs), device="cpu")


# all that a task offers, so that every fair comparison has its numbers
SPECS: Mapping[str, RunSpec] = MappingProxyType(
    {
        **{
            name: RunSpec(name, tuple(task.versions), seeds=_MORE.get(name, 5), device="cpu")
            for name, task in tasks().items()
        },
        # so small a difference could be the learning rate's doing
        **{
            f"{name}-own": RunSpec(name, tuple(tasks()[name].versions), own_best=True, device="cpu")
            for name in ("sort", "words")
        },
        # what lessons ask, of designs on a task's model
        "orders": _of_designs(
            *(f"{order}?stored=2&norms=shared" for order in ("sequence", "cycle", "reversed"))
        ),
        "norms": _of_designs("all?norms=own", "all?norms=shared"),
        "heads": _of_designs("gqa?kv_heads=2", "gqa?kv_heads=1"),
    }
)


@functools.cache
def saved_run(task: str, *, own_best: bool = False) -> Result | None:
    """Return the run that was saved for a task or a lesson, or None where there is none.

    Args:
        own_best: Each version at its own best rate, instead of all at the recipe's.
    """
    name = f"{task}-own" if own_best else task
    path = FOLDER / f"{name}.json"
    if name not in SPECS or not path.is_file():
        return None
    return Result.from_json(path.read_text(encoding="utf-8"))


def seconds_each(task: str) -> float | None:
    """Return the mean seconds of one training in the saved run, or None.

    Of each version the fastest seed counts: the others may have waited for another program.
    """
    found = saved_run(task)
    if found is None:
        return None
    fastest: dict[str, float] = {}
    for member in found.members:
        fastest[member.version] = min(member.seconds, fastest.get(member.version, member.seconds))
    return fmean(fastest.values())
