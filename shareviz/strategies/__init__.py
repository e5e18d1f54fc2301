"""Ways to share: each a function from a model to a plan. One file for each family."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from types import MappingProxyType

from shareviz.plugins import collect
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
    table: dict[str, Strategy] = {}
    for family, members in collect(sys.modules[__name__], "STRATEGIES", tuple).items():
        for member in members:
            if not isinstance(member, Strategy):
                raise TypeError(f"STRATEGIES of {family} holds {member!r}, not a Strategy")
            if member.name in table:
                raise TypeError(f"two strategies have the name {member.name!r}; one is in {family}")
            table[member.name] = member
    return MappingProxyType(table)
