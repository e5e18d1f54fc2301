"""Runs in worker processes: they end as asked, die in words, and are found again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shareviz.errors import OptionError, SharevizError
from shareviz.training import Result, RunSpec, compare_training
from shareviz.training.folders import RunFolder, home
from shareviz.training.jobs import MOST_WAITING, Job, Jobs
from shareviz.training.order import Order

LONG = RunSpec("parity", seeds=20, steps=60)  # long enough to be stopped in the middle


def until(true: Callable[[], bool], seconds: float = 180) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def finished(job: Job) -> int:
    """Return how many members have ended."""
    return len(job.result().members)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    """Return a registry of one worker that is ended with the test."""
    made = Jobs(tmp_path / "runs", at_most=1)
    yield made
    running = list(made._running)
    made.close()
    until(lambda: all(job.ended for job in running))


def process(job: Job) -> subprocess.Popen[str]:
    """Return the worker of a job, once it is there."""
    until(lambda: job._process is not None)
    assert job._process is not None
    return job._process


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """Return a run that reached its end."""
    made = Jobs(tmp_path_factory.mktemp("runs"), at_most=1)
    job = made.start(RunSpec("parity", seeds=2, steps=15))
    until(lambda: job.ended, 60)
    yield job
    made.close()


def test_a_worker_finds_what_this_process_would(done: Job) -> None:
    here = compare_training(done.spec)
    assert (done.state, done.message, done.progress().fraction) == ("done", "", 1)
    assert done.result().values() == here.values()
    assert [member.curve for member in done.result().members] == [member.curve for member in here.members]


def test_a_run_leaves_its_spec_events_and_result_on_disk(done: Job) -> None:
    names = {file.name for file in done.folder.path.iterdir()}
    assert names == {"spec.json", "events.jsonl", "result.json", "worker.log", "lock"}
    assert Result.from_json((done.folder.path / "result.json").read_text()) == done.result()
    assert done.folder.log.read_text() == ""


def test_a_fresh_registry_finds_the_run_by_its_id_alone(done: Job) -> None:
    again = Jobs(done.folder.path.parent)
    found = again.find(done.id)
    assert found is not done and (found.state, found.spec) == (done.state, done.spec)
    assert found.result() == done.result()
    again.close()


def test_a_stop_keeps_the_finished_seeds_and_does_not_hold_the_caller(jobs: Jobs) -> None:
    job = jobs.start(LONG)
    until(lambda: finished(job) >= 2)
    begun = time.monotonic()
    jobs.stop(job.id)
    assert time.monotonic() - begun < 0.5
    until(lambda: job.ended)
    assert job.state == "stopped" and job.message == "Stopped. Finished seeds are kept."
    assert 2 <= finished(job) < LONG.runs
    jobs.stop(job.id)
    assert job.state == "stopped"


def test_a_worker_that_does_not_listen_is_terminated(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareviz.training.process.STOP_SECONDS", 0.3)
    job = jobs.start(LONG)
    worker = process(job)
    os.kill(worker.pid, signal.SIGSTOP)
    jobs.stop(job.id)
    assert job.state == "stopping"
    until(lambda: job.ended)
    assert job.state == "stopped" and worker.returncode in (-signal.SIGTERM, -signal.SIGKILL)


def test_a_killed_worker_leaves_its_results_and_a_sentence(jobs: Jobs) -> None:
    job = jobs.start(LONG)
    until(lambda: finished(job) >= 2 and job.progress().step > 0)
    os.kill(process(job).pid, signal.SIGKILL)
    until(lambda: job.ended)
    assert job.state == "died" and finished(job) >= 2
    assert job.message.startswith("The worker stopped a") and "(killed)" in job.message
    assert job.message.endswith("Finished seeds are kept. Go on, or try fewer seeds.")
    assert job.result().note and job.result().status == "died"


def test_a_run_that_its_app_left_behind_says_so(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, RunSpec("parity").settle())
    folder.append({"event": "member", "version": "all", "seed": 0, "tuning": False, "lr": 0.1})
    folder.append(
        {"event": "progress", "version": "all", "seed": 0, "tuning": False, "lr": 0.1, "step": 120, "loss": 1}
    )
    with (folder.path / "events.jsonl").open("a") as file:
        file.write('{"event": "member_do')
    jobs = Jobs(tmp_path)
    held = folder.hold()
    assert held is not None and folder.hold() is None
    assert jobs.find(folder.id).state == "running"  # another process holds it
    with pytest.raises(SharevizError, match="another process"):
        jobs.stop(folder.id)
    held.close()
    found = jobs.find(folder.id)
    assert found.state == "died" and found.resumable
    assert found.message == (
        "The app was closed while this ran (at step 120). Finished seeds are kept. Go on from there."
    )
    jobs.close()


def test_runs_wait_for_their_turn_and_a_waiting_one_can_be_stopped(jobs: Jobs) -> None:
    first, second, third = (jobs.start(LONG) for _ in range(3))
    assert first.state in ("starting", "running")
    assert [jobs.place(job.id) for job in (first, second, third)] == [0, 1, 2]
    assert second.state == "waiting"
    jobs.stop(second.id)
    assert (second.state, second.message) == ("stopped", "Stopped before it began.")
    assert jobs.place(third.id) == 1
    jobs.stop(first.id)
    until(lambda: third.state in ("starting", "running"))
    assert first.state == "stopped" and first.result().members == ()


def test_a_full_queue_is_refused_with_a_way_out(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, at_most=1)
    jobs.at_most = 0  # nothing begins
    for _ in range(MOST_WAITING):
        jobs.start(LONG)
    with pytest.raises(SharevizError) as caught:
        jobs.start(LONG)
    assert caught.value.code == "busy" and caught.value.hint
    jobs.close()


def test_a_time_limit_ends_a_run_and_says_so(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, at_most=1, seconds=0.01)
    job = jobs.start(LONG)
    until(lambda: job.ended)
    assert job.state == "stopped" and job.message.startswith("The limit of 0 seconds was reached.")
    jobs.close()


def test_a_refusal_of_the_worker_reaches_the_job_in_words(jobs: Jobs) -> None:
    job = jobs.start(RunSpec("parity", seeds=1, steps=1, model="encoder?layers=2&width=8&heads=2"))
    until(lambda: job.ended)
    assert job.state == "failed" and "does not fit encoder" in job.message


@pytest.mark.parametrize(
    "job_id", ["", "nonsense", "..", "../../etc/passwd", "a" * 24 + "\n", "A" * 24, "0" * 24, "%00", "é" * 24]
)
def test_an_id_that_is_none_is_refused_and_never_a_path(jobs: Jobs, job_id: str) -> None:
    with pytest.raises(OptionError) as caught:
        jobs.find(job_id)
    assert caught.value.code == "no-run" and "\n" not in caught.value.message


def test_an_id_leads_to_no_folder_but_a_run_of_this_registry(jobs: Jobs, tmp_path: Path) -> None:
    for place in (tmp_path / "outside", jobs.root / "named"):
        place.mkdir(parents=True)
        (place / "spec.json").write_text(LONG.to_json())
    for job_id in ("../outside", str(tmp_path / "outside"), "named", "."):
        with pytest.raises(OptionError, match="no run"):
            jobs.find(job_id)


def test_ids_cannot_be_guessed(tmp_path: Path) -> None:
    ids = {RunFolder.create(tmp_path, LONG).id for _ in range(50)}
    assert len(ids) == 50 and {len(job_id) for job_id in ids} == {24}


def test_a_bad_spec_never_becomes_a_job(jobs: Jobs) -> None:
    with pytest.raises(OptionError):
        jobs.start(RunSpec("parity", seeds=99))
    assert not jobs.root.exists()


def test_the_home_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHAREVIZ_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("SHAREVIZ_HOME")
    assert home().name == "shareviz"


def worker(text: str) -> subprocess.CompletedProcess[str]:
    """Return what a worker does with an input that ends."""
    command = [sys.executable, "-m", "shareviz.training.worker"]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_a_worker_ends_when_its_input_does() -> None:
    answer = worker(Order(LONG).to_json() + "\n")
    assert answer.returncode == 0 and not answer.stderr
    assert '"event": "stopped"' in answer.stdout.splitlines()[-1]


def test_a_worker_refuses_a_line_that_is_no_spec() -> None:
    answer = worker("import os\n")
    assert answer.returncode == 2
    assert '"event": "failed"' in answer.stdout and '"hint"' in answer.stdout


def test_the_worker_imports_no_server_and_torch_only_for_a_good_spec() -> None:
    code = "import sys, shareviz.training.worker\n"
    code += "assert not {'streamlit', 'altair', 'pandas', 'torch'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
