"""A checkpoint in shards: one model of an index and the files that it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from safetensors.torch import save
from transformers import GPT2Config, GPT2LMHeadModel

from shareviz.errors import FormatError
from shareviz.formats import LOCAL, Upload, load
from shareviz.relations import Relation, relation
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Evidence
from tests.formats import samples
from tests.formats.fuzz import opens_or_refuses

INDEX = samples.index(samples.PARTS)
SHARDS = samples.shards(samples.PARTS)


def refused(*files: Upload) -> FormatError:
    with pytest.raises(FormatError) as caught:
        load(files[0], companions=files[1:])
    return caught.value


def test_shards_are_one_model() -> None:
    snapshot = load(INDEX, companions=SHARDS)
    assert {tensor.name: tensor.shape for tensor in snapshot.tensors} == {
        name: tuple(value.shape) for part in samples.PARTS.values() for name, value in part.items()
    }
    assert sorted(snapshot.storages) == [16, 32, 48]
    assert tally(snapshot).stored == 8 + 4 + 12
    assert snapshot.source.notes[0] == "One model of 2 shards."
    assert sum("do not say" in note or "does not say" in note for note in snapshot.source.notes) == 1


def test_a_missing_shard_is_named() -> None:
    error = refused(INDEX, SHARDS[0])
    assert error.code == "missing-companion"
    assert "model-00002-of-00002.safetensors" in error.message


def test_a_shard_that_lacks_a_name_of_the_index_is_malformed() -> None:
    error = refused(INDEX, SHARDS[0], Upload(SHARDS[1].name, save({"c": torch.zeros(1)})))
    assert error.code == "malformed"
    assert "b.weight" in error.message


def test_a_tensor_that_the_index_leaves_out_is_left_out_with_a_note() -> None:
    more = Upload(SHARDS[1].name, save({"b.weight": torch.zeros(3, 4), "a.bias": torch.zeros(4)}))
    snapshot = load(INDEX, companions=[SHARDS[0], more])
    assert snapshot.tensors == load(INDEX, companions=SHARDS).tensors
    assert "1 tensor is in a shard and not in the index, and left out." in snapshot.source.notes


def test_a_bad_shard_is_refused_by_its_own_name() -> None:
    for data, code in ((b"\xff" * 50, "malformed"), (SHARDS[1].data[:20], "truncated")):
        error = refused(INDEX, SHARDS[0], Upload(SHARDS[1].name, data))
        assert error.code == code
        assert SHARDS[1].name in error.message


def test_a_shard_cut_after_its_header_opens_with_a_note() -> None:
    cut = replace(SHARDS[1], data=SHARDS[1].data[:-4])
    assert any("cut off" in note for note in load(INDEX, companions=[SHARDS[0], cut]).source.notes)


def test_shards_of_torch_keep_their_ties() -> None:
    same = torch.zeros(3)
    parts: dict[str, Any] = {"p-1.bin": {"a": same, "b": same}, "p-2.bin": {"c": torch.zeros(3)}}
    files = (samples.pt(parts["p-1.bin"], "p-1.bin"), samples.legacy(parts["p-2.bin"], "p-2.bin"))
    snapshot = load(samples.index(parts, "pytorch_model.bin.index.json"), companions=files)
    assert relation(snapshot, "a", "b") is Relation.SAME_VIEW
    assert relation(snapshot, "a", "c") is Relation.NONE


def test_no_more_tensors_are_read_than_the_limit() -> None:
    with pytest.raises(FormatError, match="more than 2 tensors"):
        load(INDEX, companions=SHARDS, limits=replace(LOCAL, tensors=2))


def saved(folder: Path) -> tuple[GPT2LMHeadModel, list[Upload]]:
    """Save a small GPT-2 in shards, as transformers does."""
    fields = {"n_layer": 2, "n_embd": 8, "n_head": 2, "vocab_size": 16, "n_positions": 4}
    model = GPT2LMHeadModel(GPT2Config(**fields, architectures=["GPT2LMHeadModel"]))
    model.save_pretrained(folder, max_shard_size="2KB")
    return model, [Upload(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def test_what_transformers_saves_opens_as_one_model_in_any_order(tmp_path: Path) -> None:
    model, files = saved(tmp_path)
    named = {file.name: file for file in files}
    index, config = named.pop("model.safetensors.index.json"), named.pop("config.json")
    named.pop("generation_config.json", None)
    assert len(named) > 2
    stated = load(index, companions=[*named.values(), config])
    assert tally(stated).stored == sum(parameter.numel() for parameter in model.parameters())
    (group,) = tied_groups(stated)
    assert group.evidence is Evidence.STATED
    assert set(group.names) == {"transformer.wte.weight", "lm_head.weight"}
    first, *rest = named.values()
    assert load(first, companions=[config, *rest, index]) == stated
    (group,) = tied_groups(load(index, companions=named.values()))
    assert group.evidence is Evidence.INFERRED


def test_a_head_that_another_shard_holds_is_not_inferred(tmp_path: Path) -> None:
    body = {"model.embed_tokens.weight": torch.zeros(5, 4), "model.norm.weight": torch.zeros(4)}
    body |= {f"model.layers.{i}.mlp.up_proj.weight": torch.zeros(4, 4) for i in range(2)}
    parts = {"body.safetensors": body, "rest.safetensors": {"lm_head.weight": torch.zeros(5, 4)}}
    first, second = samples.shards(parts)
    assert len(tied_groups(load(first))) == 1
    snapshot = load(samples.index(parts), companions=[first, second])
    assert tied_groups(snapshot) == ()
    assert tally(snapshot).stored == 2 * 5 * 4 + 4 + 2 * 16
    assert not any("left out" in note for note in snapshot.source.notes)


def test_shards_beside_an_index_on_disk_are_found(tmp_path: Path) -> None:
    for file in (INDEX, *SHARDS):
        (tmp_path / file.name).write_bytes(file.data)
    path = tmp_path / INDEX.name
    assert load(path) == load(INDEX, companions=SHARDS)
    assert load(tmp_path / SHARDS[0].name, companions=[path]) == load(path)
    (tmp_path / SHARDS[0].name).unlink()
    with pytest.raises(FormatError, match="1 shard is missing"):
        load(path)


def test_an_index_on_disk_reads_nothing_outside_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "secret.safetensors"
    outside.write_bytes(SHARDS[1].data)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.safetensors").symlink_to(outside)
    for shard, code in (("../secret.safetensors", "unsafe-path"), ("link.safetensors", "not-a-file")):
        path = folder / "model.safetensors.index.json"
        path.write_bytes(samples.index({shard: {"b.weight": torch.zeros(3, 4)}}).data)
        with pytest.raises(FormatError) as caught:
            load(path)
        assert caught.value.code == code


@settings(max_examples=100, deadline=None)
@given(some.integers(0, 10_000), some.integers(0, 255), some.integers(0, 2))
def test_mutated_files_open_or_are_refused(at: int, byte: int, which: int) -> None:
    files = [bytearray(file.data) for file in (INDEX, *SHARDS)]
    files[which][at % len(files[which])] = byte
    first, *rest = (
        Upload(file.name, bytes(data)) for file, data in zip((INDEX, *SHARDS), files, strict=True)
    )
    opens_or_refuses(first.name, first.data, rest)
