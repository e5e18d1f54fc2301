"""Runs in worker processes go on after a stop, a kill, a restart; others take a copy."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from shareviz.errors import SharevizError
from shareviz.training import RunSpec, compare_training
from shareviz.training.jobs import Jobs
from tests.training.test_jobs import finished, process, until

SPEC = RunSpec("parity", seeds=4, steps=40)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path / "runs", at_most=1, cores=1)
    yield made
    running = list(made._running)
    made.close()
    until(lambda: all(job.ended for job in running))


def test_a_killed_run_goes_on_and_finds_what_an_unbroken_one_does(jobs: Jobs) -> None:
    job = jobs.start(SPEC, owner="me")
    until(lambda: finished(job) >= 1)
    os.kill(process(job).pid, signal.SIGKILL)
    until(lambda: job.ended)
    kept = {(m.version, m.seed): m for m in job.result().members}
    assert job.state == "died" and job.resumable and 1 <= len(kept) < SPEC.runs
    assert jobs.resume(job.id) is job and job.state in ("waiting", "starting")
    until(lambda: job.ended)
    whole = compare_training(SPEC)
    assert job.state == "done" and job.message == "" and job.left == 0 and not job.resumable
    found = {(m.version, m.seed): m for m in job.result().members}
    assert {who: found[who] for who in kept} == kept
    for one, other in zip(job.result().members, whole.members, strict=True):
        assert (one.version, one.seed, one.values, one.curve) == (
            other.version, other.seed, other.values, other.curve
        )  # fmt: skip
    assert Jobs(jobs.root).find(job.id).result() == job.result()


def test_a_restart_finds_the_run_and_its_owner_and_goes_on(jobs: Jobs) -> None:
    job = jobs.start(SPEC, owner="me")
    until(lambda: finished(job) >= 1)
    jobs.close()
    until(lambda: job.ended)
    again = Jobs(jobs.root, at_most=1, cores=1)
    found = again.find(job.id)
    assert found is not job and found.owner == "me" and found.resumable
    assert "app was closed" in found.message and finished(found) == finished(job)
    resumed = again.resume(job.id)
    until(lambda: resumed.ended)
    assert resumed.state == "done" and finished(resumed) == SPEC.runs
    again.close()


def test_a_copy_takes_the_finished_members_over_and_leaves_the_other_alone(jobs: Jobs) -> None:
    job = jobs.start(SPEC, owner="me")
    until(lambda: finished(job) >= 2)
    jobs.stop(job.id)
    until(lambda: job.ended)
    before = job.folder.events()
    copy = jobs.copy(job.id, owner="you")
    assert copy.id != job.id and copy.owner == "you" and finished(copy) == finished(job) >= 2
    until(lambda: copy.ended)
    assert copy.state == "done" and finished(copy) == SPEC.runs
    assert job.folder.events() == before and job.state == "stopped"


def test_a_run_that_is_whole_or_goes_on_cannot_be_resumed(jobs: Jobs) -> None:
    job = jobs.start(RunSpec("parity", seeds=1, steps=1))
    with pytest.raises(SharevizError) as caught:
        jobs.resume(job.id)
    assert caught.value.code == "whole"
    until(lambda: job.ended)
    with pytest.raises(SharevizError, match="nothing left"):
        jobs.resume(job.id)


def test_a_line_that_was_cut_off_does_not_swallow_the_next_event(jobs: Jobs) -> None:
    job = jobs.start(SPEC)
    until(lambda: finished(job) >= 1)
    jobs.stop(job.id)
    until(lambda: job.ended)
    with (job.folder.path / "events.jsonl").open("a") as file:
        file.write('{"event": "member_do')
    again = Jobs(jobs.root, at_most=1, cores=1)
    resumed = again.resume(job.id)
    until(lambda: resumed.ended)
    assert [event["event"] for event in resumed.folder.events()].count("resumed") == 1
    assert Jobs(jobs.root).find(job.id).state == "done"
    again.close()


def test_what_another_process_went_on_with_is_read_again(jobs: Jobs) -> None:
    job = jobs.start(SPEC)
    until(lambda: finished(job) >= 1)
    jobs.stop(job.id)
    until(lambda: job.ended)
    assert jobs.find(job.id) is job
    again = Jobs(jobs.root, at_most=1, cores=1)
    resumed = again.resume(job.id)
    until(lambda: resumed.ended)
    assert jobs.find(job.id).state == "done" and finished(jobs.find(job.id)) == SPEC.runs
    again.close()
