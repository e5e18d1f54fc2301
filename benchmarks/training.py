"""How fast is the comparison, beside the loop a user would write, Lightning, and transformers' Trainer?

`python -m benchmarks.training` times one step of one member in every loop, the least of several rounds
that alternate between the loops, in CPU time of one thread: other work on the machine then hardly counts.
All train the same realized module on batches of the same size. Against it stands the share of a member in
the product, alone and with five seeds as one program; a process for each core comes on top of that.

`python -m benchmarks.training tasks [NAME …]` runs each task's default comparison as the page does, in a
worker with a process for each core, and prints when its first point came, when it was done, and the CPU
seconds of all its processes.

Lightning and transformers are left out where they are not installed: pip install lightning accelerate
transformers.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import _loops
from shareviz.training.jobs import Jobs
from shareviz.training.protocol import RunSpec
from shareviz.training.tasks import Batch, Task, find_task, tasks

ROUNDS, STEPS = 3, 30
LOOPS: Mapping[str, _loops.Loop] = {
    "naive": _loops.naive,
    "lightning": _loops.lightning,
    "transformers": _loops.transformers,
    "alone": _loops.single,
    "together, 5": _loops.together(5),
}
NEEDS = {"lightning": ("lightning",), "transformers": ("transformers", "accelerate")}


def cases() -> Mapping[str, tuple[Task, str]]:
    """Return what is timed: a task and one of its versions, by a title."""
    sort = find_task("sort")
    narrow = replace(
        sort, model=sort.model.replace("width=32", "width=16"), draw=lambda seed, step: _cut(sort, seed, step)
    )
    found = {
        "encoder, d = 16, 64 tokens": (narrow, "none"),
        "encoder, d = 16, one shared layer": (narrow, "all"),
        "encoder, d = 32, 256 tokens": (sort, "none"),
        "encoder, d = 32, one shared layer": (sort, "all"),
        "GRU, d = 16, one shared cell": (find_task("parity"), "all"),
        "ring of convolutions, d = 16": (find_task("rule110"), "none"),
    }
    if "shifted" in tasks():
        found["images, convolution"] = (find_task("shifted"), find_task("shifted").defaults[0])
    return found


def _cut(task: Task, seed: int, step: int) -> Batch:
    batch = task.draw(seed, step)
    return Batch(batch.inputs[:8], batch.targets[:8])


def there(loop: str) -> bool:
    """Say whether what a loop needs is installed."""
    return all(importlib.util.find_spec(name) for name in NEEDS.get(loop, ()))


def steps() -> None:
    """Print a table: milliseconds of a step in each loop, and how many times faster than the naive one."""
    print(f"{'CPU ms a step (times naive)':<34}" + "".join(f"{name:>18}" for name in LOOPS), flush=True)
    for title, (task, version) in cases().items():
        least: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, loop in LOOPS.items():
                if there(name):
                    least[name] = min(least.get(name, float("inf")), loop(task, version, STEPS))
        row = [
            f"{1000 * least[name]:.2f} ({least['naive'] / least[name]:.2f})" if name in least else "missing"
            for name in LOOPS
        ]
        print(f"{title:<34}" + "".join(f"{cell:>18}" for cell in row), flush=True)


def whole(names: list[str]) -> None:
    """Print for each task when its default comparison showed a first point, and when it was done."""
    print(f"{'task':<14}{'trainings':>10}{'first point':>13}{'done':>8}{'CPU':>8}  trained together")
    for name in names or list(tasks()):
        with tempfile.TemporaryDirectory() as folder:
            registry = Jobs(Path(folder))
            began, used = time.perf_counter(), _children()
            job, first = registry.start(RunSpec(name)), 0.0
            while not job.ended:
                time.sleep(0.02)
                if not first and any(event["event"] == "progress" for event in job.events()):
                    first = time.perf_counter() - began
            done, result = time.perf_counter() - began, job.result()
            registry.close()
            used = _children() - used
        ways = ", ".join(f"{arm.name} ×{arm.together}" for arm in result.arms)
        took = f"{first:>11.1f} s{done:>6.1f} s{used:>6.1f} s"
        print(f"{name:<14}{len(result.members):>10}{took}  {ways} {job.message}", flush=True)


def _children() -> float:
    """Return the CPU seconds of processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["tasks"]:
        whole(sys.argv[2:])
    else:
        steps()
