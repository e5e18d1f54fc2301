"""`train` without a page: kept, gone on with, stopped by Ctrl-C, and refused in words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shareviz.cli import main
from shareviz.training import Result, RunSpec, compare_training
from shareviz.training.folders import RunFolder

SPEC = RunSpec("parity", seeds=3, steps=20)
SMALL = ("train", "parity", "--seeds", "3", "--steps", "20", "--processes", "1")


def lines(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[dict[str, Any]]:
    assert main([*words, "--json"]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_run_is_kept_and_goes_on_from_any_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    said = lines(capsys, *SMALL, "--out", str(folder))
    whole = Result.from_json(json.dumps(said[-1]["result"]))
    assert [dict(event) for event in RunFolder(folder).events()] == said[:-1]
    kept = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    cut = next(n for n, line in enumerate(kept) if '"member_done"' in line) + 2
    (folder / "events.jsonl").write_text("".join(kept[:cut]) + kept[cut][:20])
    said = lines(capsys, "train", "--resume", str(folder), "--processes", "1")
    found = Result.from_json(json.dumps(said[-1]["result"]))
    assert said[0]["event"] == "resumed" and found.status == "done"
    assert found.values() == whole.values()
    assert [m.curve for m in found.members] == [m.curve for m in whole.members]
    assert Result.from_json((folder / "result.json").read_text()) == found
    said = lines(capsys, "train", "--resume", str(folder))
    assert [event["event"] for event in said] == ["result"], "nothing was left"


def test_the_number_of_processes_does_not_change_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(capsys, "train", "parity", "--seeds", "3", "--steps", "20", "--processes", "2")
    found = Result.from_json(json.dumps(said[-1]["result"]))
    assert found.values() == compare_training(SPEC).values()


def test_a_rate_is_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(capsys, *SMALL, "--lr", "0.002")
    assert {event["lr"] for event in said if event["event"] == "member"} == {0.002}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("train",), "No task"),
        (("train", "parity", "--lr", "0.1", "--own-rates"), "contradict"),
        (("train", "parity", "--lr", "-1"), "lr = -1"),
        (("train", "parity", "--processes", "0"), "--processes 0"),
        (("train", "parity", "--steps", "0"), "steps = 0"),
        (("train", "parity", "--device", "abacus"), "abacus"),
        (("train", "parity", "--versions", "none,nonsense"), "nonsense"),
        (("train", "--resume", "RUN", "--seeds", "2"), "--seeds cannot be changed"),
        (("train", "--resume", "RUN", "--out", "elsewhere"), "--out cannot be changed"),
        (("train", "brackets", "--resume", "RUN"), "not brackets"),
        (("train", "--resume", "nowhere"), "holds no run"),
        (("train", "parity", "--out", "RUN"), "holds a run already"),
        (("train", "parity", "--out", "FILE/run"), "FILE"),
        (("train", "parity", "--tensorboard", "FILE/logs"), "FILE"),
    ],
)
def test_a_refusal_says_why_before_anything_is_trained(
    words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "FILE").write_text("")
    run = tmp_path / "RUN"
    RunFolder.at(run, SPEC.settle())
    given = [str(tmp_path / word) if word.split("/")[0] in ("RUN", "FILE") else word for word in words]
    assert main(given) == 2
    out = capsys.readouterr()
    assert out.out == "" and named in out.err and len(out.err.splitlines()) == 1


def test_a_folder_in_which_somebody_trains_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    held = RunFolder.at(tmp_path / "run", SPEC.settle()).hold()
    assert held is not None
    assert main(["train", "--resume", str(tmp_path / "run")]) == 2
    assert "Another process trains in" in capsys.readouterr().err
    held.close()


def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for words, package in (
        (("--tensorboard", str(tmp_path / "logs")), "tensorboardX"),
        (("--ray", "local"), "ray"),
    ):
        assert main(["train", "parity", *words]) == 2
        assert f"pip install {package}" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "shareviz", "train", "parity", "--seeds", "20", "--steps", "100"]
    command += ["--out", str(folder), "--processes", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        assert run.stderr is not None and run.stdout is not None
        assert "seed 1 of 20" in run.stderr.readline()
        os.killpg(run.pid, signal.SIGINT)
        out = run.stdout.read()
        assert "Traceback" not in run.stderr.read()
    assert run.returncode == 130 and out.startswith("Stopped. Finished seeds are kept.")
    assert RunFolder(folder).events()[-1]["event"] == "stopped"
    assert Result.from_json((folder / "result.json").read_text()).members
