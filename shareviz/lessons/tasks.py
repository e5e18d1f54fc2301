"""Tasks: one trunk for several tasks, a head for each."""

from __future__ import annotations

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.text import exact


def _model(tasks: int) -> str:
    return f"multitask?tasks={tasks}"


def _scene(tasks: int) -> tuple[Snapshot, Snapshot]:
    return base.scene(_model(tasks), "tasks")


def _show(value: Value) -> base.Shown:
    tasks = base.whole(value)
    before, after = _scene(tasks)
    labels = tuple(f"task {task}" for task in range(1, tasks + 1))
    one, many = exact(base.stored(after)), exact(base.stored(before))
    return base.Shown(
        title=f"One trunk for {tasks} tasks stores {one} parameters instead of {many}",
        model=_model(tasks),
        design="tasks",
        before=base.Tiles("A trunk for each task", base.layer_uses(before, "layers.0.weight"), 4, labels),
        after=base.Tiles("One trunk, a head for each", base.layer_uses(after, "layers.0.weight"), 4, labels),
        bars=base.usual_bars(before, after),
    )


def _more(value: Value) -> int:
    tasks = base.whole(value)
    return base.stored(_scene(tasks + 1)[1]) - base.stored(_scene(tasks)[1])


_CHOICES = ("Nothing", "A head", "A trunk and a head")


def _adds(value: Value) -> str:
    _, after = _scene(base.whole(value))
    head = sum(slot.numel for slot in after.parameters() if slot.module == "heads.0")
    return {0: _CHOICES[0], head: _CHOICES[1]}.get(_more(value), _CHOICES[2])


def _why(value: Value) -> str:
    tasks = base.whole(value)
    return f"{exact(_more(value))} parameters for task {tasks + 1}: the trunk is there already."


LESSON = base.Lesson(
    name="tasks",
    title="Tasks: one trunk, many heads",
    question="What do tasks share, and when does it help?",
    option=Option("tasks", "Tasks", 4, 2, 8, help="How many tasks are learned together."),
    show=_show,
    mini=base.Tiles("One trunk for 4 tasks", (0,) * 4, 4),
    predict=base.Prediction("One more task joins. What is stored for it?", _CHOICES, _adds, _why),
    claims=(
        base.Claim(
            "Unrelated tasks should not share.",
            base.Verdict.CONDITION,
            "The direction is right, but relatedness must be measured: tasks that look alike can hurt each "
            "other, and the effect shrinks as the trunk grows. What helps most is that the other task "
            "brings examples.",
            "Fifty et al. (2021), grouping tasks; Wu et al. (2020), arXiv 2005.00944; the saved run below",
        ),
    ),
    breaks=(
        "Conflicting labels through one head: nothing can be right for both.",
        "A narrow trunk: the tasks compete for room.",
        "Tasks that bring no examples of their own: then there is little to gain.",
    ),
    sources=(
        "Caruana (1997), Multitask learning",
        "Wu et al. (2020), arXiv 2005.00944: understanding and improving information transfer",
    ),
    saved="multitask",
    saved_says="Sixty labelled digits, alone or with a second task beside them. A dot is one seed.",
)
