"""Files that torch wrote before 1.6: the same tensors and ties as in a zip, from their five pickles."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from shareviz.errors import FormatError
from shareviz.formats import HOSTED, Upload, load
from shareviz.relations import Relation, relation
from shareviz.sharing import tally, tied_groups
from tests.formats import hostile, samples
from tests.formats.fuzz import opens_or_refuses

REAL = os.environ.get("SHAREVIZ_REAL_FILES", "")


def views() -> dict[str, torch.Tensor]:
    base = torch.zeros(6, 8)
    held = {"a": base, "t": base.t(), "row": base[2:5], "col": base[:, 3:], "empty": torch.zeros(0, 3)}
    return held | {"half": torch.zeros(3, dtype=torch.bfloat16), "n": torch.tensor(3)}


@pytest.mark.parametrize(
    "make",
    [
        lambda: samples.Tied().state_dict(),
        views,
        samples.Shared,
        lambda: {"epoch": 3, "model": samples.Tied().state_dict()},
        lambda: nn.Sequential(nn.LSTM(2, 3), nn.BatchNorm1d(3)),
    ],
)
def test_it_reads_as_the_zip_of_the_same_object_does(make: Any) -> None:
    value = make()
    old, new = load(samples.legacy(value)), load(samples.pt(value))
    assert old == new
    assert old.source.notes == new.source.notes


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_reads_the_same(protocol: int) -> None:
    state = samples.Tied().state_dict()
    assert load(samples.legacy(state, pickle_protocol=protocol)) == load(samples.pt(state))


def test_a_path_is_read_to_its_pickles_and_hopped_through_after_them(tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    torch.save({"a": torch.zeros(2_000_000)}, path, _use_new_zipfile_serialization=False)
    assert [tensor.shape for tensor in load(path).tensors] == [(2_000_000,)]


def test_a_file_cut_within_its_storages_is_truncated() -> None:
    data = samples.legacy({"a": torch.zeros(100)}).data
    for keep in (len(data) - 1, len(data) - 404, 120):
        with pytest.raises(FormatError) as caught:
            load(Upload("cut.pt", data[:keep]))
        assert caught.value.code == "truncated"


def test_a_view_of_a_storage_starts_where_its_metadata_says() -> None:
    whole, view = (legacy_state(view=None), legacy_state(view=("9", 1, 3)))
    assert load(Upload("a.pt", whole)).tensors[0].region.offset == 0
    snapshot = load(Upload("a.pt", view))
    assert snapshot.tensors[0].region.offset == 4  # one float further
    with pytest.raises(FormatError, match="reaches byte 20"):
        load(Upload("a.pt", legacy_state(view=("9", 2, 2))))


def test_the_source_code_that_an_old_module_carries_is_not_read_as_a_storage() -> None:
    class Old(pickle._Pickler):
        def persistent_id(self, value: Any) -> Any:
            return ("module", nn.Linear, "linear.py", "evil()") if value == "the class" else None

    out = io.BytesIO()
    Old(out, 2).dump(["the class"])
    with pytest.raises(FormatError) as caught:
        load(Upload("old.pt", hostile.legacy(out.getvalue())))
    assert caught.value.code == "no-tensors"


def legacy_state(view: tuple[str, int, int] | None) -> bytes:
    """Return a file of one tensor of three floats in a storage of four."""

    class Pickler(pickle._Pickler):
        def persistent_id(self, value: Any) -> Any:
            return ("storage", torch.FloatStorage, "7", "cpu", 4, view) if value == "the storage" else None

    class Tensor:
        def __reduce__(self) -> tuple[Any, ...]:
            return torch._utils._rebuild_tensor, ("the storage", 0, (3,), (1,))

    out = io.BytesIO()
    Pickler(out, 2).dump({"a": Tensor()})
    return hostile.legacy(out.getvalue(), pickle.dumps(["7"], 2), struct.pack("<q", 4), b"\0" * 16)


def test_one_storage_with_elements_of_two_sizes_is_malformed() -> None:
    one = hostile.state()[2:-1]
    both = b"\x80\x02]" + one + b"a" + one.replace(b"FloatStorage", b"DoubleStorage") + b"a."
    with pytest.raises(FormatError) as caught:
        load(Upload("a.pt", hostile.legacy(both, pickle.dumps(["0"], 2), struct.pack("<q", 4), b"\0" * 32)))
    assert caught.value.code == "malformed"


@settings(max_examples=150, deadline=None)
@given(some.integers(0, 10_000), some.integers(0, 255), some.integers(1, 10_000))
def test_a_mutated_file_opens_or_is_refused(at: int, byte: int, keep: int) -> None:
    data = bytearray(MODULE)
    data[at % len(data)] = byte
    opens_or_refuses("a.pt", bytes(data))
    opens_or_refuses("a.pt", bytes(data[: max(1, keep % len(data))]))


MODULE = samples.legacy(samples.Tied()).data

real = pytest.mark.skipif(not REAL, reason="SHAREVIZ_REAL_FILES names no folder with the wheels")


def unpacked(wheel: str, member: str) -> Upload:
    (path,) = Path(REAL).glob(f"{wheel}-*.whl")
    with zipfile.ZipFile(path) as files:
        return Upload(Path(member).name, files.read(member))


@real
@pytest.mark.parametrize("name", ["alex", "squeeze", "vgg"])
def test_files_of_lpips_that_python_2_wrote_are_read_as_torch_reads_them(name: str) -> None:
    for version in ("v0.0", "v0.1"):
        upload = unpacked("lpips", f"lpips/weights/{version}/{name}.pth")
        state = torch.load(io.BytesIO(upload.data), map_location="cpu", weights_only=True)
        snapshot = load(upload, limits=HOSTED)
        found = {tensor.name: (tensor.shape, tensor.region.stride) for tensor in snapshot.tensors}
        assert found == {key: (tuple(value.shape), value.stride()) for key, value in state.items()}
        assert tied_groups(snapshot) == ()


@real
def test_the_lstm_of_resemblyzer_keeps_twelve_disjoint_tensors_in_one_storage() -> None:
    upload = unpacked("Resemblyzer", "resemblyzer/pretrained.pt")
    state = torch.load(io.BytesIO(upload.data), map_location="cpu", weights_only=True)["model_state"]
    snapshot = load(upload, limits=HOSTED)
    assert {tensor.name: tensor.shape for tensor in snapshot.tensors} == {
        key: tuple(value.shape) for key, value in state.items()
    }
    lstm = [tensor for tensor in snapshot.tensors if tensor.name.startswith("lstm.")]
    assert Counter(tensor.region.storage for tensor in lstm) == {lstm[0].region.storage: 12}
    assert relation(snapshot, lstm[0].name, lstm[1].name) is Relation.DISJOINT
    assert tied_groups(snapshot) == ()
    assert tally(snapshot).stored == sum(value.numel() for value in state.values())
