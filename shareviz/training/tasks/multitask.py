"""Sixty labels and another task: what a trunk that both share gains from it, or loses."""

from __future__ import annotations

import functools

import numpy as np

from shareviz.plan import Plan, tie
from shareviz.snapshot import Snapshot
from shareviz.training.tasks import _base as base
from shareviz.training.tasks import _digits as source

FEW = 60  # labels of the first task
GROUPS = 5  # of the related task: 0 and 1, 2 and 3, …
# which labels each head learns; all tasks train at once, and only a trunk that is shared can matter to task 0
FEW_LABELS, RELATED, RELATED_FEW, UNRELATED, CONFLICTING, MORE = range(6)
_TASKS = 6
_SIZE = 32
_MODEL = f"multitask?tasks={_TASKS}"


@functools.cache
def _labels() -> base.Array:
    """Return the label of each picture to train on in each task, (tasks, 1000)."""
    digit = source.parts()["train"].labels
    chance = base.generator("multitask", "unrelated").integers(0, source.CLASSES, len(digit))
    group = digit // (source.CLASSES // GROUPS)
    return np.stack((digit, group, group, chance, (digit + 1) % source.CLASSES, digit))


def _train(seed: int, step: int) -> base.Batch:
    """Return pictures of its own for each task, (batch, tasks, 64), and their labels in it."""
    draw, known = base.generator("multitask", "train", seed, step), source.parts()["train"]
    most = np.full((_TASKS, 1), len(known.labels))
    most[[FEW_LABELS, RELATED_FEW]] = FEW
    chosen = draw.integers(0, most, (_TASKS, _SIZE)).T
    pictures = known.images.reshape(len(known.labels), -1)
    return base.Batch(pictures[chosen], _labels()[np.arange(_TASKS), chosen])


def _held(split: str) -> base.Batch:
    """Return pictures of which only the first task's answer is asked."""
    held = source.parts()[split]
    targets = np.full((len(held.labels), _TASKS), base.IGNORED)
    targets[:, FEW_LABELS] = held.labels
    return base.Batch(held.images.reshape(len(held.labels), -1), targets)


def _solve(inputs: base.Array) -> base.Array:
    """Take the digit of the nearest of all thousand pictures: what labels for all of them allow."""
    answers = source.nearest(inputs.reshape(-1, source.SIDE, source.SIDE))
    return base.one_hot(np.repeat(answers[:, None], _TASKS, axis=1), source.CLASSES)


def _joined(task: int, *, head: bool, title: str) -> base.Version:
    """Return the version in which task 0 and another one have one trunk, and one head where it says so."""
    shared = (f"towers.{task}.", f"heads.{task}.") if head else (f"towers.{task}.",)

    def plan(snapshot: Snapshot) -> Plan:
        found = (slot.name for slot in snapshot.parameters() if slot.name.startswith(shared))
        return Plan(tuple(tie(name, name.replace(f".{task}.", ".0.", 1)) for name in found), title)

    how = "One trunk and one head" if head else "One trunk and a head each"
    return base.Version(title, plan, note=f"{how} for the digits and this task.")


TASK = base.Task(
    name="multitask",
    title="Multi-task digits",
    question="Does a second task help when labels are few?",
    over="tasks",
    model=_MODEL,
    versions={
        "none": base.Version("Alone", base.unshared, note="Sixty labels, and a trunk for each task."),
        "related": _joined(RELATED, head=False, title="Related, 1,000"),
        "same": _joined(RELATED_FEW, head=False, title="Related, the same 60"),
        "unrelated": _joined(UNRELATED, head=False, title="Unrelated, 1,000"),
        "conflicting": _joined(CONFLICTING, head=True, title="Conflicting, 1,000"),
        "more": _joined(MORE, head=True, title="1,000 labels"),
        "narrow": base.Version(
            "Narrow, alone",
            base.unshared,
            f"{_MODEL}&width=28",
            "As many stored parameters as one shared trunk.",
        ),
    },
    defaults=("none", "related", "same", "unrelated", "conflicting"),
    columns=(
        base.Column("Equal depth", "none", ("related", "same", "unrelated", "conflicting", "more")),
        base.Column("Equal parameters", "narrow", ("related",)),
    ),
    draw=_train,
    sets={"test": base.EvalSet("From 60 labels", _held)},
    main="test",
    metric=base.Metric("accuracy", "Accuracy", base.accuracy, chance=0.1, best=495 / 500, solved=0.95),
    solve=_solve,
    recipe=base.Recipe(steps=400, batch=_SIZE, lr=1e-2),
    shows=(
        "A related task helps when it brings pictures of its own: on 1,000 pictures it helps, on the same "
        "sixty it does not. Conflicting labels through one head ruin the answer."
    ),
    hides=(
        "Random labels on 1,000 pictures do no visible harm here, as the trunk has room for both; in a "
        "narrower one they may. With labels for all 1,000 pictures there is little left to gain."
    ),
    source=f"Caruana (1997), Multitask Learning, sections 1 and 2; {source.SOURCE}",
)
