"""Does sharing cost quality? Small tasks, paired seeds, honest intervals.

Importing this loads no torch; the worker process and `compare_training` do. The table of all tasks is
`shareviz.training.tasks.tasks()`, runs in worker processes are `shareviz.training.jobs.Jobs`.
"""

from shareviz.training.compare import compare_training
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Arm, Member, Result, Row, result_of
from shareviz.training.statistics import Comparison, Word
from shareviz.training.tasks import Task, find_task

__all__ = [
    "Arm",
    "Comparison",
    "Member",
    "Result",
    "Row",
    "RunSpec",
    "Task",
    "Word",
    "compare_training",
    "find_task",
    "result_of",
]
