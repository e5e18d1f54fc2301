"""Five visitors at once on two cores: each gets its own right result, in turn."""

from __future__ import annotations

from pathlib import Path

from shareviz.training import RunSpec, compare_training
from shareviz.training.jobs import Jobs
from tests.training.test_jobs import until

VERSIONS = (("none", "all"), ("none", "cycle2"), ("all", "wide"), ("none", "wide"), ("none", "all"))


def test_five_visitors_each_get_their_own_right_result_in_turn(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, cores=2)
    specs = [RunSpec("parity", versions=names, seeds=2, steps=10 + n) for n, names in enumerate(VERSIONS)]
    mine = [jobs.start(spec, owner=f"visitor {n}") for n, spec in enumerate(specs)]
    assert [jobs.place(job.id) for job in mine] == [0, 0, 1, 2, 3]
    most, taken, ended = 0, 0, []

    def watch() -> bool:
        nonlocal most, taken
        now = jobs.running
        most, taken = max(most, len(now)), max(taken, sum(job._cores for job in now))
        ended.extend(job for job in mine if job.ended and job not in ended)
        return len(ended) == len(mine)

    until(watch, 240)
    assert most <= 2 and taken <= 2
    assert set(ended[:2]) <= set(mine[:3]), "who came first was not served last"
    for job, spec in zip(mine, specs, strict=True):
        assert job.state == "done", job.message
        assert job.result().values() == compare_training(spec).values()
    assert len({job.id for job in mine}) == len({job.owner for job in mine}) == 5
    jobs.close()


def test_a_run_gives_cores_back_when_another_begins(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, cores=3)
    long = RunSpec("parity", seeds=20, steps=60)
    first = jobs.start(long)
    assert first._cores == 3
    second = jobs.start(long)
    assert (first._cores, second._cores) == (2, 1)
    jobs.stop(first.id)
    until(lambda: first.ended and second._cores == 3)
    jobs.stop(second.id)
    until(lambda: second.ended)
    jobs.close()
