"""Values on request: the bytes that torch wrote, from where they stand in the file, and no more of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from gguf import GGUFWriter
from onnx import helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

from shareviz.copies import copies
from shareviz.errors import FormatError, SharevizError
from shareviz.formats import HOSTED, Upload, load
from shareviz.values import Values, open_values
from tests.formats import samples

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool, torch.complex64)


def tensors() -> dict[str, torch.Tensor]:
    return {f"m.{i}": torch.arange(1, 8 + i).to(dtype) for i, dtype in enumerate(DTYPES)}


def raw(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_the_bytes_are_those_that_were_saved(tmp_path: Path, kind: str) -> None:
    saved, path = tensors(), tmp_path / f"m.{kind}"
    if kind == "pt":
        torch.save(saved, path)
    else:
        save_file(saved, path)
    for source in (path, Upload(path.name, path.read_bytes())):
        with open_values(source) as values:
            assert values.bytes_read == 0
            for name, tensor in saved.items():
                assert values.nbytes(name) == tensor.nbytes
                assert values.read(name, 0, tensor.nbytes) == raw(tensor)
                assert values.read(name, 1, 3) == raw(tensor)[1:4]
            assert values.bytes_read == sum(tensor.nbytes + 3 for tensor in saved.values())
            assert values.nbytes("another") is None


def test_views_of_one_storage_are_read_from_it_once_and_for_all(tmp_path: Path) -> None:
    flat = torch.arange(12.0)
    torch.save({"a": flat[:6], "b": flat[6:]}, tmp_path / "m.pt")
    with open_values(tmp_path / "m.pt") as values:
        assert values.nbytes("a") == values.nbytes("b") == flat.nbytes
        assert values.read("b", 24, 24) == raw(flat[6:])


def test_one_of_several_state_dicts_is_read(tmp_path: Path) -> None:
    first, second = torch.ones(3), 2 * torch.ones(3)
    torch.save({"model": {"w": first}, "ema": {"w": second}}, tmp_path / "m.pt")
    with open_values(tmp_path / "m.pt", pick="ema") as values:
        assert values.read("w", 0, 12) == raw(second)


def test_copies_are_found_across_shards(tmp_path: Path) -> None:
    table = torch.randn(20, 4)
    save_file({"emb.weight": table}, tmp_path / "a.safetensors")
    save_file({"head.weight": table}, tmp_path / "b.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": {"emb.weight": "a.safetensors", "head.weight": "b.safetensors"}})
    )
    with open_values(index) as values:
        (copy,) = copies(load(index), values)
    assert set(copy.names) == {"emb.weight", "head.weight"}


def test_what_a_cut_off_file_lost_is_not_compared(tmp_path: Path) -> None:
    table = torch.randn(20, 4)
    save_file({name: table.clone() for name in "abc"}, tmp_path / "m.safetensors")
    data = (tmp_path / "m.safetensors").read_bytes()
    (tmp_path / "m.safetensors").write_bytes(data[:-100])
    with open_values(tmp_path / "m.safetensors") as values:
        (copy,) = copies(load(tmp_path / "m.safetensors"), values)
    assert copy.names == ("a", "b")


def test_a_hosted_demo_reads_no_more_than_its_limit(tmp_path: Path) -> None:
    table = torch.randn(200, 40)
    save_file({"a": table, "b": table.clone()}, tmp_path / "m.safetensors")
    limits = replace(HOSTED, hash_bytes=table.nbytes, isolated=False)
    with (
        open_values(tmp_path / "m.safetensors", limits=limits) as values,
        pytest.raises(SharevizError, match="the most that is read here") as refused,
    ):
        copies(load(tmp_path / "m.safetensors"), values)
    assert refused.value.code == "limit"
    assert values.bytes_read <= table.nbytes


def test_a_format_without_values_is_said(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "gpt2"}')
    with pytest.raises(SharevizError, match=r"config\.json: values are read in") as refused:
        open_values(path)
    assert refused.value.code == "no-values"


def test_a_file_that_is_refused_is_refused_here_too(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes((10**15).to_bytes(8, "little") + b"{")
    with pytest.raises(FormatError):
        open_values(path)


def test_a_parametrized_weight_is_read_where_it_is_stored() -> None:
    module = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    stored = module.parametrizations.weight.original1
    values = Values.of(module)
    assert values.read("parametrizations.weight.original1", 0, stored.nbytes) == raw(stored.detach())
    assert values.nbytes("bias") == 8


def test_a_torchscript_file_gives_the_bytes_of_its_objects(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].load_state_dict(module[0].state_dict())
    upload = samples.script(module)
    with open_values(upload) as values:
        for name, tensor in module.state_dict().items():
            assert values.read(name, 0, tensor.nbytes) == raw(tensor)
        found = copies(load(upload), values)
    assert [copy.names for copy in found] == [("0.weight", "1.weight"), ("0.bias", "1.bias")]


def test_a_gguf_gives_the_bytes_of_its_list_and_its_lost_tie(tmp_path: Path) -> None:
    table = np.random.default_rng(0).standard_normal((8, 16)).astype("float32")
    other = np.random.default_rng(1).standard_normal((3, 5)).astype("float16")
    writer = GGUFWriter(tmp_path / "m.gguf", "llama")
    for name, tensor in {"token_embd.weight": table, "mid.weight": other, "output.weight": table}.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open_values(tmp_path / "m.gguf") as values:
        assert values.read("mid.weight", 0, other.nbytes) == other.tobytes()
        (copy,) = copies(load(tmp_path / "m.gguf"), values)
    assert set(copy.names) == {"token_embd.weight", "output.weight"}
    assert copy.saved == 8 * 16


def onnx_of(*weights: onnx.TensorProto) -> Upload:
    nodes = [helper.make_node("MatMul", ["x", weight.name], [f"{weight.name}.y"]) for weight in weights]
    shape = ["rows", "columns"]
    given = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    out = helper.make_tensor_value_info(nodes[0].output[0], onnx.TensorProto.FLOAT, shape)
    made = helper.make_model(helper.make_graph(nodes, "g", [given], [out], list(weights)))
    return Upload("m.onnx", made.SerializeToString())


def test_an_onnx_file_gives_its_bytes_and_its_lost_tie() -> None:
    table = np.random.default_rng(0).standard_normal((8, 16)).astype("float32")
    kinds = onnx.TensorProto
    listed = helper.make_tensor("listed", kinds.FLOAT, table.shape, table.flatten())
    packed = helper.make_tensor("packed", kinds.INT32, (2,), [1, 300])  # numbers take bytes as they need
    upload = onnx_of(numpy_helper.from_array(table, "raw"), listed, packed)
    with open_values(upload) as values:
        assert (
            values.read("raw", 0, table.nbytes) == values.read("listed", 0, table.nbytes) == table.tobytes()
        )
        assert values.nbytes("packed") is None
        (copy,) = copies(load(upload), values)
    assert set(copy.names) == {"raw", "listed"}
    assert copy.saved == 8 * 16


def test_weights_beside_an_onnx_file_are_not_at_hand(tmp_path: Path) -> None:
    outside = numpy_helper.from_array(np.ones((4, 4), "float32"), "w")
    onnx.external_data_helper.set_external_data(outside, "m.bin", 0, 64)
    outside.ClearField("raw_data")
    with pytest.raises(SharevizError, match="ONNX files that hold their weights themselves"):
        open_values(onnx_of(outside))


@pytest.mark.parametrize("kind", ["legacy", "exported"])
def test_other_files_of_torch_give_the_bytes_of_their_storages(kind: str) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].load_state_dict(module[0].state_dict())
    state = module.state_dict()
    upload = samples.legacy(state) if kind == "legacy" else samples.exported(module, torch.zeros(2, 4))
    with open_values(upload) as values:
        for name, tensor in state.items():
            assert values.read(name, 0, tensor.nbytes) == raw(tensor)
        found = copies(load(upload), values)
    assert {copy.names for copy in found} == {("0.weight", "1.weight"), ("0.bias", "1.bias")}


def test_every_format_that_holds_values_gives_them() -> None:
    for name, make in samples.EACH.items():
        upload, beside = make(), tuple(samples.BESIDE.get(name, tuple)())
        if name in ("config", "shareviz_json"):
            continue  # descriptions
        with open_values(upload, companions=beside) as values:
            seen = load(upload, companions=beside)
            # a tied name may be known without standing in the file: one of each region does
            held = {slot.region for slot in seen.tensors if values.nbytes(slot.name)}
            assert held == {slot.region for slot in seen.tensors if slot.numel}, name
