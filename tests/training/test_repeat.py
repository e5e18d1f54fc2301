"""What a run leaves behind can be repeated and read elsewhere."""

from __future__ import annotations

import io
import math
import runpy
import shlex
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from shareviz.errors import OptionError
from shareviz.training import RunSpec, compare_training
from shareviz.training.repeat import command, script
from shareviz.training.results import Result
from shareviz.training.tensorboard import LOSS, write_logs, zipped
from shareviz.training.verdict import partly


@pytest.fixture(scope="module")
def result() -> Result:
    return compare_training(RunSpec("brackets", versions=("none", "cycle?stored=2"), seeds=3, steps=10))


def test_the_script_says_again_what_was_found(
    result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "again.py"
    path.write_text(script(result), encoding="utf-8")
    runpy.run_path(str(path), run_name="__main__")
    *rows, now, then = capsys.readouterr().out.splitlines()
    assert len(rows) == 2
    assert now.removeprefix("now: ").strip() == then.removeprefix("then:").strip()


def test_the_command_asks_for_the_same_spec(result: Result) -> None:
    from shareviz.cli import _parser
    from shareviz.commands._training_run import _begun

    for spec in (result.spec, replace(result.spec, own_best=True, seeds=2).settle()):
        words = shlex.split(command(spec))
        assert words[:4] == ["python", "-m", "shareviz", "train"]
        again = _begun(_parser().parse_args(words[3:])).spec
        assert replace(again, lr=spec.lr) == spec and (spec.own_best or again == spec)


def test_the_reader_of_tensorboard_reads_the_same_numbers(result: Result, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="an extra")
    pytest.importorskip("tensorboardX", reason="an extra")
    assert write_logs(result, tmp_path) == len(result.members) == 6
    for member in result.members:
        name = "none" if member.version == "none" else "cycle_stored=2"
        log = reader.EventAccumulator(str(tmp_path / name / f"seed-{member.seed}")).Reload()
        read = [(event.step, event.value) for event in log.Scalars(LOSS)]
        assert [step for step, _ in read] == [step for step, _ in member.curve]
        for (_, value), (_, loss) in zip(read, member.curve, strict=True):
            assert loss is not None and math.isclose(value, loss, rel_tol=1e-6)  # a log holds 32 bits
        for on, value in member.values.items():
            (event,) = log.Scalars(f"Accuracy/{on}")
            assert event.step == 10 and math.isclose(event.value, value, rel_tol=1e-6)
        assert log.Scalars("version/stored")[0].value == result.arm(member.version).stored


def test_logs_come_as_one_file_too(result: Result) -> None:
    pytest.importorskip("tensorboardX", reason="an extra")
    with zipfile.ZipFile(io.BytesIO(zipped(result))) as archive:
        folders = {name.rsplit("/", 1)[0] for name in archive.namelist()}
    assert len(folders) == 6 and "none/seed-0" in folders


def test_without_the_extra_it_says_what_to_install(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionError) as caught:
        write_logs(result, tmp_path)
    assert caught.value.code == "missing" and "pip install tensorboardX" in caught.value.hint


def test_a_split_result_is_told_in_counts(result: Result) -> None:
    on = result.task.main
    ends = {0: 1.0, 1: 0.5, 2: 1.0}
    members = tuple(
        replace(one, values={on: ends[one.seed] if one.version == "none" else 1.0}) for one in result.members
    )
    mixed = replace(result, members=members)
    title = result.arm("none").title
    assert partly(mixed, [arm.name for arm in result.arms]) == ((title, "2 of 3 solved it"),)
    assert partly(mixed, ["cycle?stored=2"]) == ()
