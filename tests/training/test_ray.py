"""The same groups on a local Ray find the same numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shareviz.training import Result, RunSpec, compare_training

pytest.importorskip("ray", reason="an extra: pip install ray")


def test_a_local_ray_finds_what_one_process_does(tmp_path: Path) -> None:
    # in a process of its own: Ray leaves threads and open files behind
    command = [sys.executable, "-m", "shareviz", "train", "parity", "--seeds", "3", "--steps", "20"]
    command += ["--ray", "local", "--processes", "2", "--out", str(tmp_path / "run")]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert answer.returncode == 0, answer.stderr
    found = Result.from_json((tmp_path / "run" / "result.json").read_text())
    alone = compare_training(RunSpec("parity", seeds=3, steps=20))
    assert found.status == "done" and found.values() == alone.values()
    assert [one.curve for one in found.members] == [one.curve for one in alone.members]
