"""TorchScript files: tree, names and ties from their objects; their code is never run."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from shareviz.capture import capture
from shareviz.formats import HOSTED, LOCAL, Upload, load
from shareviz.formats._file import opened
from shareviz.relations import Relation, relation
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Evidence, Kind
from tests.formats import hostile, samples
from tests.formats.fuzz import opens_or_refuses

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
REAL = os.environ.get("SHAREVIZ_REAL_FILES", "")


class Nested(nn.Module):
    """A block at two paths, a view of a weight as a buffer, and a list of tensors."""

    def __init__(self) -> None:
        super().__init__()
        block = nn.Linear(3, 3)
        self.first, self.second = nn.Sequential(block, nn.ReLU()), block
        self.register_buffer("row", block.weight.detach()[1:])
        self.state = [torch.zeros(2)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)) + self.state[0].sum()


class Loop(nn.Module):
    """Its `__setstate__` never returns."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        while True:
            self.training = not self.training


def test_a_tie_is_one_storage_and_parameters_are_those_that_the_class_declares() -> None:
    module = samples.Tied()
    snapshot, live = load(samples.script(module)), capture(module)
    (group,) = tied_groups(snapshot)
    assert set(group.names) == {"table.weight", "head.weight"}
    assert group.evidence is Evidence.STORAGE
    assert {t.name: t.kind for t in snapshot.tensors} == {t.name: t.kind for t in live.tensors}
    assert [(m.path, m.cls) for m in snapshot.modules] == [(m.path, m.cls) for m in live.modules]
    assert tally(snapshot).stored == tally(live).stored


def test_shared_blocks_views_and_lists_are_read() -> None:
    module = Nested()
    snapshot = load(samples.script(module))
    assert relation(snapshot, "first.0.weight", "second.weight") is Relation.SAME_VIEW  # scripted apart
    assert relation(snapshot, "row", "second.weight") is Relation.PARTIAL
    assert snapshot.by_name["state.0"].kind is Kind.BUFFER
    assert tally(snapshot).stored == 12  # a matrix of 3 × 3 and a bias of 3, once


def test_a_traced_module_reads_as_the_scripted_one() -> None:
    module, out = nn.Sequential(nn.Linear(2, 3), nn.Tanh()), io.BytesIO()
    torch.jit.save(torch.jit.trace(module, torch.zeros(1, 2)), out)
    assert load(Upload("a.pt", out.getvalue())).tensors == load(samples.script(module)).tensors


def test_the_weights_of_a_frozen_model_are_constants_of_its_code() -> None:
    out = io.BytesIO()
    torch.jit.save(torch.jit.freeze(torch.jit.script(nn.Sequential(nn.Linear(2, 3)).eval())), out)
    snapshot = load(Upload("frozen.pt", out.getvalue()))
    assert tally(snapshot).stored == 9
    assert all(tensor.name.startswith("CONSTANTS.") for tensor in snapshot.tensors)
    assert "freezing" in snapshot.source.notes[1]


def test_a_constant_of_a_model_that_has_parameters_is_none() -> None:
    shift = torch.tensor([1.0, 2.0, 3.0])

    class Plus(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + shift

    out = io.BytesIO()
    torch.jit.save(torch.jit.trace(Plus(2, 3), torch.zeros(1, 2)), out)
    snapshot = load(Upload("a.pt", out.getvalue()))
    assert snapshot.by_name["CONSTANTS.c0"].shape == (3,)
    assert tally(snapshot).stored == 9
    assert snapshot.source.notes[1] == "1 tensor is a constant of the code."


def test_code_is_unpacked_to_the_length_that_it_claims() -> None:
    data = hostile.code_bomb(Path())
    with opened(Upload("a.jit", data), LOCAL) as file:
        entry = file.entries["a/code/__torch__.py"]
        assert len(file.inflated(entry)) == entry.nbytes == 100


def test_a_set_state_that_never_returns_is_not_called() -> None:
    upload = samples.script(Loop(), "loop.jit")
    start = time.monotonic()
    snapshot = load(upload)
    assert time.monotonic() - start < 1
    assert [(tensor.name, tensor.shape) for tensor in snapshot.tensors] == [("0", (2,))]
    assert [module.cls for module in snapshot.modules] == ["Loop"]


def test_foreign_names_beside_tensors_are_named_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    attributes = hostile.state()[2:-1] + hostile.payload(marker)
    snapshot = load(Upload("a.jit", hostile.script(hostile.scripted(attributes))))
    assert [tensor.name for tensor in snapshot.tensors] == ["weight"]
    assert any("`io.open`" in note for note in snapshot.source.notes)
    assert not marker.exists()


def test_one_object_at_two_attributes_is_one_module() -> None:
    inner = b"c__torch__\nI\n)\x81q\x00" + hostile.state()[2:-1] + b"b"
    attributes = b"}" + hostile.text("a") + inner + b"s" + hostile.text("b") + b"h\x00s"
    snapshot = load(Upload("a.jit", hostile.script(hostile.scripted(attributes))))
    assert [(m.path, m.cls, m.aliases) for m in snapshot.modules] == [("", "M", ()), ("a", "I", ("b",))]
    assert snapshot.names_of(snapshot.tensors[0]) == ("a.weight", "b.weight")


@settings(max_examples=100, deadline=None)
@given(some.integers(0, 10_000), some.integers(0, 255))
def test_a_mutated_pickle_opens_or_is_refused(at: int, byte: int) -> None:
    data = bytearray(PICKLE)
    data[at % len(data)] = byte
    opens_or_refuses("a.jit", hostile.script(bytes(data)))


@settings(max_examples=50, deadline=None)
@given(some.binary(max_size=300) | some.text(max_size=300).map(str.encode))
def test_any_code_opens_or_is_refused(code: bytes) -> None:
    opens_or_refuses("a.jit", hostile.script(hostile.scripted(hostile.state()[2:-1]), code=code))


with zipfile.ZipFile(io.BytesIO(samples.script(nn.Linear(2, 2)).data)) as _files:
    PICKLE = next(_files.read(name) for name in _files.namelist() if name.endswith("/data.pkl"))


@pytest.mark.skipif(not REAL, reason="SHAREVIZ_REAL_FILES names no folder with the wheel silero-vad")
def test_a_real_speech_detector_reads_as_torch_reads_it() -> None:
    (wheel,) = Path(REAL).glob("silero_vad-*.whl")
    with zipfile.ZipFile(wheel) as files:
        upload = Upload("silero_vad.jit", files.read("silero_vad/data/silero_vad.jit"))
    snapshot = load(upload, limits=HOSTED)
    live = torch.jit.load(io.BytesIO(upload.data), map_location="cpu")
    expected = {name: tuple(value.shape) for name, value in live.named_parameters()}
    assert {tensor.name: tensor.shape for tensor in snapshot.parameters()} == expected
    assert {module.path for module in snapshot.modules} >= {name for name, _ in live.named_modules()}
    assert tally(snapshot).stored == sum(value.numel() for value in live.parameters())
    assert tied_groups(snapshot) == ()
