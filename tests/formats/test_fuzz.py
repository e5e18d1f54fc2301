"""A seeded fuzz over every format: `make fuzz` runs as many files as one likes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from shareviz.formats import formats
from tests.formats import fuzz

FILES = 5_000  # about 20 s on one busy core


def test_no_broken_file_crashes_hangs_or_runs_anything(tmp_path: Path) -> None:
    run = fuzz.fuzz(FILES, 1, tmp_path)
    assert run.failures == []
    assert run.verdicts["opened"] > FILES // 20  # the edits are small enough to reach the readers
    assert len(run.verdicts) >= 10


def test_every_format_has_a_file_to_break(tmp_path: Path) -> None:
    assert {sample.kind for sample in fuzz.good_files(tmp_path / "marker")} >= set(formats())


def test_a_seed_makes_the_same_files_again() -> None:
    made = [fuzz.mutated(random.Random(f"1/{i}"), b"abc" * 100, b"xyz" * 100) for i in (7, 7, 8)]
    assert made[0] == made[1] != made[2]


def test_an_error_that_is_not_ours_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise KeyError("a bug")

    monkeypatch.setattr(fuzz, "opens_or_refuses", broken)
    run = fuzz.fuzz(3, 1, tmp_path)
    assert len(run.failures) == 3
    assert len(list(tmp_path.iterdir())) == 3
