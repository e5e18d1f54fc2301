"""What follows from a Snapshot is worked out once: the answer is kept in the Snapshot itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from shareviz.collector import collector_paused
from shareviz.snapshot import Snapshot

T = TypeVar("T")


def once(fact: Callable[[Snapshot], T]) -> Callable[[Snapshot], T]:
    """Return `fact` as a function that works out its answer once for each Snapshot object.

    A Snapshot is frozen, so what follows from it never changes. The answer lies beside its fields, where
    `functools.cached_property` keeps its own: it takes no part in equality and goes when the Snapshot
    goes. An equal Snapshot works out its own, as finding it would cost as much as most facts. Callers
    share one answer, so it must be one that nobody changes: a tuple, or what is typed as a Mapping. What
    a fact makes stays, so the garbage collector rests.
    """
    key = f"{fact.__module__}.{fact.__qualname__}"

    @wraps(fact)
    def kept(snapshot: Snapshot) -> T:
        answers = vars(snapshot)
        if key not in answers:
            with collector_paused():
                answers[key] = fact(snapshot)
        answer: T = answers[key]
        return answer

    return kept
