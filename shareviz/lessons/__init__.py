"""Lessons: what forms of sharing exist, and what is true about them. One file each, data and no page.

Every number of a lesson is computed from Snapshots of catalogue models, before and after a plan.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from shareviz.lessons._base import Bar, Claim, Lesson, Prediction, Shown, Tiles, Verdict
from shareviz.plugins import collect

__all__ = ["Bar", "Claim", "Lesson", "Prediction", "Shown", "Tiles", "Verdict", "headline", "lessons"]

_WORDS = "no one two three four five six seven eight nine ten eleven twelve".split()
_ORDER = (
    "space",
    "time",
    "tables",
    "depth",
    "order",
    "norms",
    "corrections",
    "heads",
    "towers",
    "tasks",
    "hashing",
)  # as they are taught; further ones follow by name


@cache
def lessons() -> Mapping[str, Lesson]:
    """Return the lessons by module name, in the order in which they are taught."""
    found = collect(sys.modules[__name__], "LESSON", Lesson)
    first = [name for name in _ORDER if name in found]
    return MappingProxyType({name: found[name] for name in (*first, *(n for n in found if n not in first))})


def headline() -> str:
    """Return the title of the page: how many ways there are."""
    number = len(lessons())
    word = _WORDS[number].capitalize() if number < len(_WORDS) else str(number)
    return f"{word} ways to use one tensor twice"
