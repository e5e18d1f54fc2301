"""Rules of the guide: space, time, tasks and sides."""

from __future__ import annotations

from shareviz.guide._base import Rule

_MOST = {"disk": 3, "memory": 3, "optimizer": 3, "traffic": 3, "overfitting": 3}
_SAME = "FLOPs and activations: every place still computes."

RULES = (
    Rule(
        "kernel",
        "One kernel for all positions",
        frozenset(("convolutional",)),
        _MOST,
        lambda snapshot: "space",
        "All kernels but one, whatever the size of the image.",
        _SAME,
        "Where position carries meaning, as in aligned faces, free layers can do better. A flat head after "
        "the convolution undoes part of it.",
        ("translated",),
        ("local",),
    ),
    Rule(
        "cell",
        "One cell for all steps",
        frozenset(("recurrent",)),
        _MOST,
        lambda snapshot: "time",
        "All cells but one, and it runs at any length.",
        _SAME,
        "That the count is independent of length holds; that it generalises to longer inputs depends on "
        "the task: see the lesson Time.",
    ),
    Rule(
        "trunk",
        "One trunk for all tasks",
        frozenset(("multi-task",)),
        _MOST,
        lambda snapshot: "tasks",
        "All trunks but one; each task keeps its head.",
        _SAME,
        "Tasks can hurt each other: measure each alone first, and group those that help.",
        ("aligned-tasks",),
        ("naive-tasks",),
    ),
    Rule(
        "tower",
        "One tower for both sides",
        frozenset(("two-sided",)),
        _MOST,
        lambda snapshot: "siamese",
        "One of two towers.",
        "FLOPs: both sides still run.",
        "Sides that differ in kind want their own input layer, norms and projection.",
        ("clippo", "ms-clip"),
    ),
)
