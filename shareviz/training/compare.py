"""Training in this very process, for the command line and Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shareviz.training.course import run
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Event, Result, result_of


def compare_training(spec: RunSpec, on_event: Callable[[Event], None] | None = None) -> Result:
    """Train what a spec asks for and return what was found.

    Args:
        on_event: Is given every event as it happens, a dict of JSON values.

    Raises:
        OptionError: The spec, its device or its model does not fit.

    Example:
        >>> result = compare_training(RunSpec("parity", seeds=3, steps=2))
        >>> [comparison.verdict for comparison in result.compare("none")]
        ['no difference shown']
    """
    spec = spec.settle()
    events: list[dict[str, Any]] = []

    def keep(event: Event) -> None:
        events.append(dict(event))
        if on_event is not None:
            on_event(event)

    run(spec, keep)
    return result_of(spec, events)
