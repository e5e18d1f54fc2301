"""The spec: what it fills in, what it refuses, and its JSON."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareviz.errors import OptionError
from shareviz.training.progress import progress_of
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Arm, Member, Result, result_of


def test_settling_takes_the_recipe_of_the_task() -> None:
    settled = RunSpec("parity").settle()
    assert (settled.versions, settled.steps, settled.lr) == (("none", "all"), 400, 0.01)
    assert settled.settle() == settled


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"task": "chess"}, "chess"),
        ({"versions": ("none", "half")}, "half"),
        ({"versions": ("none", "cycle?stored=none")}, "stored"),
        ({"versions": ("none", "none")}, "twice"),
        ({"seeds": 0}, "seeds = 0"),
        ({"seeds": 21}, "seeds = 21"),
        ({"steps": 0}, "steps = 0"),
        ({"steps": 10**9}, "steps = 1000000000"),
        ({"seeds": 10**400}, "seeds = 1000"),
        ({"lr": -1.0}, "lr = -1"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"device": "tpu"}, "tpu"),
    ],
)
def test_a_spec_out_of_range_is_refused_with_a_way_out(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError) as caught:
        replace(RunSpec("parity"), **wrong).settle()
    assert named in caught.value.message and caught.value.hint


@given(
    st.builds(
        RunSpec,
        task=st.just("parity"),
        versions=st.lists(st.sampled_from(["none", "all", "wide"]), unique=True).map(tuple),
        seeds=st.integers(1, 20),
        lr=st.none() | st.floats(1e-5, 1),
        own_best=st.booleans(),
        steps=st.none() | st.integers(1, 5000),
        device=st.sampled_from(["auto", "cpu", "cuda"]),
    )
)
@settings(max_examples=40, deadline=None)
def test_a_spec_survives_its_json(spec: RunSpec) -> None:
    assert RunSpec.from_json(spec.to_json()) == spec
    assert RunSpec.from_json(spec.settle().to_json()) == spec.settle()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '"parity"',
        "{}",
        '{"task": 3}',
        '{"task": "parity", "seeds": "5"}',
        '{"task": "parity", "seeds": true}',
        '{"task": "parity", "versions": "none"}',
        '{"task": "parity", "versions": [1]}',
        '{"task": "parity", "command": "rm"}',
        "[" * 100_000,
    ],
)
def test_json_that_is_no_spec_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        RunSpec.from_json(text)
    assert caught.value.hint


def test_own_rates_add_two_runs_for_each_rate_of_the_grid() -> None:
    assert RunSpec("parity", seeds=5).runs == 2 * 5
    assert RunSpec("parity", seeds=5, own_best=True).runs == 2 * (5 + 4 * 2)


ARM = {"model": "m", "stored": 4, "used": None, "flops": None, "lr": 0.1}
START = {
    "event": "start",
    "task": "parity",
    "runs": 6,
    "steps": 20,
    "arms": [{"name": "none", "title": "None", **ARM}, {"name": "all", "title": "One cell", **ARM}],
    "date": "2025-11-24T12:00:00+00:00",
    "device": "CPU",
    "torch": "2.13.0",
}


def done(version: str, seed: int, value: float | None) -> dict[str, Any]:
    """Return the event of a member that reached a value, or diverged."""
    values = {} if value is None else {"seen": value, "long": value}
    diverged = None if value is not None else 30
    ids = {"version": version, "seed": seed, "tuning": False}
    return {"event": "member_done", **ids, "lr": 0.1, "values": values, "diverged": diverged, "seconds": 1.5}


def test_a_result_is_the_sum_of_its_events_and_survives_its_json() -> None:
    progress = {"event": "progress", "version": "none", "seed": 0, "tuning": False, "step": 10, "loss": None}
    members = [done("none", s, 0.5 + s / 100) for s in range(3)] + [done("all", s, 0.99) for s in range(3)]
    events = [START, progress, *members, {"event": "done", "seconds": 9.0}]
    found = result_of(RunSpec("parity", seeds=3), events)
    assert found.status == "done" and found.device == "CPU"
    assert found.members[0].curve == ((10, None),)
    assert found.values() == {"none": {0: 0.5, 1: 0.51, 2: 0.52}, "all": {0: 0.99, 1: 0.99, 2: 0.99}}
    none, one = found.table()
    # 0.50 0.51 0.52: mean 0.51, sd 0.01
    assert (none.mean, none.sd, none.solved) == (pytest.approx(0.51), pytest.approx(0.01), 0)
    assert (one.seeds, one.solved, one.seconds) == (3, 3, 4.5)
    ((column, (pair,)), *_) = found.columns()
    assert (column.title, pair.verdict) == ("Equal depth", "better")
    assert Result.from_json(found.to_json()) == found
    json.loads(found.to_json(), parse_constant=pytest.fail)


def test_events_that_break_off_give_what_is_there() -> None:
    events = [START, done("none", 0, 0.5), done("all", 0, None), done("none", 1, 0.5)]
    for length in range(len(events) + 1):
        found = result_of(RunSpec("parity"), events[:length])
        assert found.status == "running" and len(found.members) == max(0, length - 1)
    assert found.table()[1].diverged == 1 and found.table()[1].mean is None


def test_seeds_that_chose_a_rate_are_not_reported() -> None:
    tuned = {**done("all", 1000, 0.9), "tuning": True}
    rate = {"event": "rate", "version": "all", "lr": 0.03, "tried": [[0.01, 0.8], [0.03, 0.9], [0.1, None]]}
    found = result_of(RunSpec("parity", own_best=True), [START, tuned, rate, done("all", 0, 0.8)])
    assert found.values()["all"] == {0: 0.8}
    assert found.arm("all").lr == 0.03 and not found.arm("all").at_edge
    assert replace(found.arm("all"), lr=0.1).at_edge


def test_progress_counts_finished_trainings_and_the_steps_of_the_next() -> None:
    member = {"event": "member", "version": "all", "seed": 1, "tuning": False, "lr": 0.1}
    step = {**member, "event": "progress", "step": 10, "loss": 0.5}
    now = progress_of([START, done("none", 0, 0.5), member, step])
    assert (now.finished, now.runs, now.version, now.seed, now.step) == (1, 6, "all", 1, 10)
    # (1 · 20 + 10) of 6 · 20 steps
    assert now.fraction == 0.25
    assert progress_of([]).fraction == 0


def test_arms_that_were_never_run_make_no_comparison() -> None:
    arm = Arm("all", "One cell", "m", 1, 1, 1, 0.1)
    member = Member("all", 0, 0.1, {"long": 0.5}, None, 1.0)
    found = Result(RunSpec("parity", versions=("all",)), (arm,), (member,), "done")
    assert found.columns() == () and found.compare("none") == ()


def test_a_design_stands_beside_the_versions_at_equal_depth() -> None:
    text = "cycle?stored=2"
    assert RunSpec("parity", versions=("none", text)).settle().versions == ("none", text)
    arms = [START["arms"][0], {"name": text, "title": "Cycle 2", **ARM}]
    members = [done(name, seed, 0.5 + seed / 100) for seed in range(3) for name in ("none", text)]
    found = result_of(RunSpec("parity", versions=("none", text)), [{**START, "arms": arms}, *members])
    ((column, (pair,)),) = found.columns()[:1]
    assert (column.title, pair.version, pair.verdict) == ("Equal depth", text, "no difference shown")
