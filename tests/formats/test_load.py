"""What every format must satisfy, and what no file may do to any of them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from shareviz.formats import HOSTED, LOCAL, Upload, formats, limits_of, load
from shareviz.formats._file import opened
from shareviz.jsonio import from_json, to_json
from tests.formats import hostile, samples
from tests.formats.fuzz import opens_or_refuses

KINDS = sorted(formats())
EACH = {kind: samples.EACH[kind]() for kind in KINDS}
BESIDE = {kind: samples.BESIDE[kind]() if kind in samples.BESIDE else () for kind in KINDS}
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_format_says_what_it_can_tell_and_where_it_is_specified(kind: str) -> None:
    chosen = formats()[kind]
    assert all((chosen.name, chosen.title, chosen.source, chosen.suffixes))
    assert all(astuple(chosen.tells))


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_one_format_claims_a_file(kind: str) -> None:
    with opened(EACH[kind], LOCAL) as file:
        assert [name for name, chosen in formats().items() if chosen.sniff(file)] == [kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_and_an_upload_read_the_same_whatever_the_suffix(kind: str, tmp_path: Path) -> None:
    upload = EACH[kind]
    path = tmp_path / "weights.dat"
    path.write_bytes(upload.data)
    snapshot = load(path, companions=BESIDE[kind])
    assert snapshot == load(upload, companions=BESIDE[kind])
    assert snapshot.tensors


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_survives_json(kind: str) -> None:
    snapshot = load(EACH[kind], companions=BESIDE[kind])
    again = from_json(to_json(snapshot))
    assert again == snapshot
    assert again.source == snapshot.source
    assert again.steps == snapshot.steps


def test_a_fresh_interpreter_reads_files_without_torch(tmp_path: Path) -> None:
    for kind in set(KINDS) - {"config"}:
        (tmp_path / kind).mkdir()
        for place, upload in enumerate((EACH[kind], *BESIDE[kind])):
            (tmp_path / kind / f"{place} {upload.name}").write_bytes(upload.data)
    script = """
import pathlib, sys
from shareviz.formats import Upload, load
for folder in pathlib.Path(sys.argv[1]).iterdir():
    first, *rest = sorted(folder.iterdir())
    assert load(first, companions=[Upload(path.name[2:], path.read_bytes()) for path in rest]).tensors
heavy = {"torch", "transformers", "numpy", "streamlit", "altair"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=ROOT)


def test_limits_follow_the_environment() -> None:
    assert limits_of({"SHAREVIZ_HOSTED": "1"}) is HOSTED
    assert limits_of({}) is LOCAL


NAMES = some.sampled_from(["a.pt", "a.bin", "a.safetensors", "a.shareviz.json", "a", "a.onnx"])


@settings(max_examples=100, deadline=None)
@given(NAMES, some.binary(min_size=1, max_size=200))
@example("a.pt", b"PK\x03\x04")
@example("a.pt", b"PK\x05\x06" + b"\xff" * 18)
def test_any_bytes_are_refused_with_a_hint(name: str, data: bytes) -> None:
    opens_or_refuses(name, data)


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=200))
def test_any_pickle_inside_a_zip_opens_or_is_refused(data: bytes) -> None:
    opens_or_refuses("a.pt", hostile.zipped(data))


@settings(max_examples=100, deadline=None)
@given(
    some.recursive(some.none() | some.booleans() | some.integers() | some.floats() | some.text(), some.lists)
)
@example({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}})
def test_any_header_opens_or_is_refused(value: object) -> None:
    header = value if isinstance(value, dict) else {"a": value}
    opens_or_refuses("a.safetensors", hostile.header(header, b"\0" * 4))
    opens_or_refuses("a.safetensors", hostile.header(hostile.one(shape=value), b"\0" * 4))
    opens_or_refuses("a.safetensors", hostile.header(hostile.one(offsets=value), b"\0" * 4))


MUTABLE = sorted(set(KINDS) - {"config"})


@settings(max_examples=200, deadline=None)
@given(some.sampled_from(MUTABLE), some.data())
def test_a_mutated_file_opens_or_is_refused(kind: str, draw: some.DataObject) -> None:
    data = bytearray(EACH[kind].data)
    for _ in range(draw.draw(some.integers(1, 4))):
        at = draw.draw(some.integers(0, len(data) - 1))
        data[at] = draw.draw(some.integers(0, 255))
    cut = draw.draw(some.integers(1, len(data)) | some.just(len(data)))
    opens_or_refuses(EACH[kind].name, bytes(data[:cut]))


@settings(max_examples=200, deadline=None)
@given(some.integers(0, 10_000), some.integers(0, 255))
def test_a_mutated_pickle_opens_or_is_refused(at: int, byte: int) -> None:
    data = bytearray(PICKLE)
    data[at % len(data)] = byte
    opens_or_refuses("a.pt", hostile.zipped(bytes(data), *((str(key), b"\0" * 4096) for key in range(8))))


def pickle_of(upload: Upload) -> bytes:
    with opened(upload, LOCAL) as file:
        return next(file.member(entry) for name, entry in file.entries.items() if name.endswith("data.pkl"))


PICKLE = pickle_of(samples.pt(samples.Tied()))


FIELDS = ["n_layer", "n_embd", "n_head", "vocab_size", "n_positions", "n_inner", "architectures"]
VALUES = (
    some.none() | some.booleans() | some.integers(-5, 20) | some.integers(2**40) | some.floats() | some.text()
)


@settings(max_examples=40, deadline=None)
@given(some.sampled_from(FIELDS) | some.text(max_size=8), VALUES | some.text())
def test_any_field_of_a_config_opens_or_is_refused(key: str, value: object) -> None:
    fields = json.loads(EACH["config"].data) | {key: value}
    opens_or_refuses("config.json", json.dumps(fields).encode())
