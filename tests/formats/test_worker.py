"""Hosted, every file is read in a process of its own: the same answer, within bounds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from shareviz.errors import FormatError, OptionError, Part
from shareviz.formats import HOSTED, LOCAL, Limits, Upload, formats, load
from shareviz.formats import _worker as worker
from tests.formats import bad_gguf, bad_onnx, hostile, samples

KINDS = sorted(set(formats()) - {"config"})  # test_config.py has that one, which takes seconds
BAD = [*hostile.PICKLES[::8], *hostile.SAFETENSORS[::8], *bad_gguf.BAD[::8], *bad_onnx.BAD[::8]]
BAD += [*hostile.CONFIGS[::8], *hostile.GENERIC[::8]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_read_apart_is_the_same_as_read_here(kind: str, tmp_path: Path) -> None:
    upload = samples.EACH[kind]()
    path = tmp_path / upload.name
    path.write_bytes(upload.data)
    beside = samples.BESIDE.get(kind, tuple)()
    here = load(upload, companions=beside)
    for source in (upload, path):
        apart = load(source, companions=beside, limits=HOSTED)
        assert (apart, apart.steps, apart.source) == (here, here.steps, here.source)


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in BAD])
def test_a_bad_file_gets_the_same_error_apart(bad: hostile.Bad, tmp_path: Path) -> None:
    upload = Upload(bad.name, bad.make(tmp_path / "marker"))
    said = []
    for limits in (HOSTED, replace(HOSTED, isolated=False)):
        with pytest.raises(FormatError) as caught:
            load(upload, limits=limits)
        said.append((caught.value.code, caught.value.message, caught.value.hint))
    assert said[0] == said[1]
    assert said[0][0] in bad.codes
    assert not (tmp_path / "marker").exists()


def test_a_pick_and_an_option_error_cross_over() -> None:
    both = samples.pt({"a": samples.Tied().state_dict(), "b": samples.Tied().state_dict()})
    assert load(both, pick="a", limits=HOSTED) == load(both, pick="a")
    with pytest.raises(OptionError, match="nothing to pick"):
        load(samples.small_safetensors(), pick="a", limits=HOSTED)


def test_the_parts_to_pick_from_cross_over() -> None:
    both = samples.pt({"a<b>": samples.Tied().state_dict(), "b": {"w": torch.zeros(1)}, "m": nn.Linear(1, 1)})
    with pytest.raises(FormatError) as caught:
        load(both, limits=HOSTED)
    assert caught.value.parts == (Part("a<b>", 7), Part("b", 1), Part("m"))


@pytest.mark.parametrize("parts", [[["a", -1]], [["a"]], [[5, 1]], [["a", 1]] * 101, [["a" * 9000, 1]], "a"])
def test_parts_beyond_the_bounds_are_not_believed(parts: object) -> None:
    said = {"code": "ambiguous", "message": "m", "hint": "h", "parts": parts}
    with pytest.raises(FormatError) as caught:
        worker._answer(json.dumps(said).encode(), HOSTED)
    assert caught.value.code in ("malformed", "limit")


def test_files_beside_it_cross_over() -> None:
    upload, beside = samples.small_gguf(), samples.small_onnx()
    apart, here = (load(upload, companions=[beside], limits=limits) for limits in (HOSTED, LOCAL))
    assert apart.source.notes == here.source.notes
    assert "were not read" in apart.source.notes[-1]


def test_the_clock_ends_it() -> None:
    with pytest.raises(FormatError, match=r"model\.gguf: .* took more than 0 s") as caught:
        load(samples.small_gguf(), limits=replace(HOSTED, wall_seconds=0))
    assert caught.value.code == "timeout"


def test_no_more_than_two_files_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    going, most, lock = 0, 0, threading.Lock()
    run = worker._run

    def counted(order: bytes, descriptors: Sequence[int], limits: Limits) -> object:
        nonlocal going, most
        with lock:
            going += 1
            most = max(most, going)
        try:
            return run(order, descriptors, limits)
        finally:
            with lock:
                going -= 1

    monkeypatch.setattr(worker, "_run", counted)
    with ThreadPoolExecutor(5) as visitors:
        seen = list(visitors.map(lambda _: load(samples.small_gguf(), limits=HOSTED), range(5)))
    assert len({one.tensors for one in seen}) == 1
    assert most == 2


def test_a_file_that_waits_too_long_for_others_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_PLACES", threading.BoundedSemaphore(1))
    with worker._place(HOSTED), pytest.raises(FormatError, match="waited 0 s for others") as caught:
        load(samples.small_gguf(), limits=replace(HOSTED, wall_seconds=0))
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    ("changes", "code"), [({"cpu_seconds": 1}, "timeout"), ({"worker_bytes": 2**27}, "memory")]
)
def test_too_much_work_or_memory_ends_it(changes: dict[str, int], code: str) -> None:
    rows = ",".join(
        f'"block.{i}.weight":{{"dtype":"F32","shape":[1],"data_offsets":[{4 * i},{4 * i + 4}]}}'
        for i in range(90_000)
    )
    with pytest.raises(FormatError) as caught:
        load(Upload("wide.safetensors", hostile.header(f"{{{rows}}}")), limits=replace(HOSTED, **changes))
    assert caught.value.code == code


def test_an_answer_that_is_too_long_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_MOST_ANSWER", 100)
    with pytest.raises(FormatError) as caught:
        load(samples.small_gguf(), limits=HOSTED)
    assert caught.value.code == "limit"


def test_a_child_that_fails_otherwise_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_ROOT", Path("/"))
    monkeypatch.setattr(worker.sys, "executable", "/bin/false")
    with pytest.raises(FormatError) as caught:
        load(samples.small_gguf(), limits=HOSTED)
    assert caught.value.code == "malformed"
    assert "process of its own" in caught.value.message


def test_a_reader_without_torch_starts_within_a_second() -> None:
    upload = samples.small_gguf()
    assert min(timed(lambda: load(upload, limits=HOSTED)) for _ in range(3)) < 1


def timed(run: Callable[[], object]) -> float:
    start = time.monotonic()
    run()
    return time.monotonic() - start
