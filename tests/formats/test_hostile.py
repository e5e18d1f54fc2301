"""Every bad file gets the stated verdict, names what is wrong, and runs nothing."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from shareviz.errors import FormatError
from shareviz.formats import HOSTED, LOCAL, Limits, Upload, load
from tests.formats import bad_gguf, bad_onnx, hostile

ROWS = [pytest.param(bad, id=bad.name) for bad in (*hostile.BAD, *bad_gguf.BAD, *bad_onnx.BAD)]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


# a worker takes seconds to start; test_config.py asks it for the same verdict
HERE = replace(HOSTED, isolated=False)


def verdict(bad: hostile.Bad, marker: Path, limits: Limits = HERE) -> FormatError:
    with pytest.raises(FormatError) as caught:
        load(Upload(bad.name, bad.make(marker)), limits=limits)
    return caught.value


@pytest.mark.parametrize("bad", ROWS)
def test_a_bad_file_is_refused_with_its_code_a_message_and_a_hint(bad: hostile.Bad, marker: Path) -> None:
    start = time.monotonic()
    error = verdict(bad, marker)
    assert error.code in bad.codes
    assert bad.says in str(error)
    assert error.message.startswith(f"{bad.name}: ") or error.code in ("empty", "too-large")
    assert error.hint.endswith(".")
    assert len(str(error)) < 700
    assert str(error).isprintable()
    assert not marker.exists()
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "bad", [row for row in ROWS if row.values[0] in (*hostile.PICKLES, *hostile.LEGACY, *hostile.SAFETENSORS)]
)
def test_local_limits_give_the_same_verdict(bad: hostile.Bad, marker: Path) -> None:
    assert verdict(bad, marker, LOCAL).code in bad.codes
    assert not marker.exists()


def test_the_payload_would_run_if_it_were_unpickled(marker: Path) -> None:
    import pickle

    pickle.loads(pickle.dumps(hostile.Payload(marker))).close()
    assert marker.exists()


def test_hostile_names_open_and_stay_as_they_are_in_the_data() -> None:
    odd = ("<img src=x onerror=alert(1)>", '"];evil[', "a\nb", "a\u202eb", "a\0b", "=1+1")
    for name in (*odd, "x" * 8192, "a." * 100):
        data = hostile.zipped(hostile.state(name=name), ("0", b"\0" * 16))
        assert [tensor.name for tensor in load(Upload("names.pt", data)).tensors] == [name]


def test_a_fifo_a_link_a_folder_and_nothing_are_not_files(tmp_path: Path) -> None:
    good = tmp_path / "good.pt"
    good.write_bytes(hostile.zipped(hostile.state(), ("0", b"\0" * 16)))
    os.mkfifo(tmp_path / "fifo.pt")
    (tmp_path / "link.pt").symlink_to(good)
    (tmp_path / "folder.pt").mkdir()
    assert load(good).tensors
    for name in ("fifo.pt", "link.pt", "folder.pt", "missing.pt", "nul\0.pt"):
        with pytest.raises(FormatError) as caught:
            load(tmp_path / name)
        assert caught.value.code == "not-a-file"
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "C:\\x\\a.pt", "n" * 300 + ".pt", "", "a\nb"]
)
def test_an_uploads_name_is_never_a_path(name: str) -> None:
    data = hostile.zipped(hostile.state(), ("0", b"\0" * 16))
    title = load(Upload(name, data)).source.title
    assert title.isprintable()
    assert len(title) <= 90
    assert "/" not in title


def test_a_file_above_the_hosted_limit_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    with path.open("wb") as file:
        file.truncate(HOSTED.file_bytes + 1)
    with pytest.raises(FormatError) as caught:
        load(path, limits=HOSTED)
    assert caught.value.code == "too-large"
