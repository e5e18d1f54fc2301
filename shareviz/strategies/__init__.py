"""Ways to share: each a function from a model to a plan. One file for each family."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping

from shareviz.plugins import members
from shareviz.strategies._base import Strategy, applies
from shareviz.strategies._stacks import columns as parts_of_stack
from shareviz.strategies._stacks import kind as stack_kind
from shareviz.strategies._stacks import stacks_of, tie_rows

__all__ = [
    "Strategy",
    "applies",
    "parts_of_stack",
    "stack_kind",
    "stacks_of",
    "strategies",
    "tie_rows",
]


@functools.cache
def strategies() -> Mapping[str, Strategy]:
    """Return every strategy by name.

    Raises:
        TypeError: A family holds something else, or two strategies have one name.
    """
    return members(sys.modules[__name__], "STRATEGIES", Strategy, lambda one: one.name)
