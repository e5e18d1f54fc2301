"""What each command answers: data for scripts and text for people, from the same computation.

Everything heavy is imported inside the command that needs it: `inspect` on a file loads no torch.
"""

from shareviz.commands._answer import Answer
from shareviz.commands.guiding import guide
from shareviz.commands.judging import check, compare
from shareviz.commands.reading import inspect, savings
from shareviz.commands.starting import share
from shareviz.commands.training import train
from shareviz.commands.writing import graph, module, report, snapshot

__all__ = [
    "Answer",
    "check",
    "compare",
    "graph",
    "guide",
    "inspect",
    "module",
    "report",
    "savings",
    "share",
    "snapshot",
    "train",
]
