"""A run that was broken off goes on where it was, and finds what an unbroken one would have found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shareviz.training import RunSpec, result_of
from shareviz.training.course import kept_of, run
from shareviz.training.results import Result

SPEC = RunSpec("parity", versions=("all", "none"), seeds=3, steps=12)
TUNED = RunSpec("parity", versions=("all",), seeds=2, steps=3, own_best=True)


def told(spec: RunSpec, **more: Any) -> list[dict[str, Any]]:
    """Return the events of a run."""
    events: list[dict[str, Any]] = []
    run(spec, lambda event: events.append(dict(event)), **more)
    return events


def broken(spec: RunSpec, at: int) -> list[dict[str, Any]]:
    """Return the events of a run that is stopped after a number of trainings."""
    events: list[dict[str, Any]] = []

    def enough() -> bool:
        return sum(event["event"] == "member_done" for event in events) >= at

    run(spec, lambda event: events.append(dict(event)), should_stop=enough)
    return events


def values(result: Result) -> list[Any]:
    """Return all that a result says, less clocks."""
    return [result.arms] + [(m.version, m.seed, m.lr, m.values, m.diverged, m.curve) for m in result.members]


@pytest.mark.parametrize("spec", [SPEC, TUNED], ids=["plain", "own rates"])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_run_that_goes_on_finds_what_an_unbroken_one_does_bit_by_bit(spec: RunSpec, at: int) -> None:
    whole, first = told(spec), broken(spec, at)
    assert first[-1]["event"] == "stopped"
    second = told(spec, kept=first)
    assert second[0]["event"] == "resumed" and second[-1]["event"] == "done"
    assert values(result_of(spec, [*first, *second])) == values(result_of(spec, whole))
    done = [event for event in first if event["event"] == "member_done"]
    again = [event for event in second if event["event"] == "member_done"]
    assert len(done) >= at and len(done) + len(again) == spec.runs


def test_a_run_that_has_all_its_members_trains_none() -> None:
    whole = told(SPEC)
    again = told(SPEC, kept=whole)
    assert [event["event"] for event in again] == ["resumed", "done"]


def test_a_member_that_was_cut_off_begins_its_curve_anew() -> None:
    first = told(SPEC)
    cut = next(place for place, event in enumerate(first) if event["event"] == "progress") + 1
    second = told(SPEC, kept=first[:cut])
    found = result_of(SPEC, [*first[:cut], *second])
    assert values(found) == values(result_of(SPEC, first))


def test_a_copy_takes_over_what_is_finished_and_no_more() -> None:
    first = broken(SPEC, 3)
    kept = kept_of(first)
    assert {event["event"] for event in kept} == {"start", "way", "member", "progress", "eval", "member_done"}
    assert len(result_of(SPEC, kept).members) == len(result_of(SPEC, first).members) == 3
    assert values(result_of(SPEC, kept)) == values(result_of(SPEC, first))


def test_the_order_in_which_members_were_told_does_not_matter() -> None:
    events = told(SPEC)
    members = [event for event in events if "seed" in event]
    rest = [event for event in events if "seed" not in event]
    by: Callable[[dict[str, Any]], Any] = lambda event: (event["version"], -event["seed"])  # noqa: E731
    mixed = [*rest[:-1], *sorted(members, key=by), rest[-1]]
    assert result_of(SPEC, mixed) == result_of(SPEC, events)


def test_a_run_that_goes_on_elsewhere_says_both_places() -> None:
    first = broken(SPEC, 1)
    resumed = {"event": "resumed", "device": "H100", "torch": first[0]["torch"], "date": ""}
    found = result_of(SPEC, [*first, resumed])
    assert (found.device, found.torch, found.status) == ("CPU, then H100", first[0]["torch"], "running")
