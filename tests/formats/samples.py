"""Real files, written by torch and safetensors themselves."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save, save_file, save_model
from torch import nn

from shareviz.capture import capture
from shareviz.formats import Upload
from shareviz.jsonio import to_json
from tests.formats import bad_gguf, bad_onnx

SMALL_GPT2: Mapping[str, Any] = {
    "model_type": "gpt2",
    "n_layer": 1,
    "n_embd": 8,
    "n_head": 2,
    "vocab_size": 16,
    "n_positions": 8,
}


class Tied(nn.Module):
    """A token table of 10 × 4 that is also the head, and a norm with statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.table.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.table(tokens).transpose(1, 2)).transpose(1, 2))


class Shared(nn.Module):
    """One block at three paths, the first of them inside another module; and a cycle."""

    def __init__(self) -> None:
        super().__init__()
        block = nn.Linear(3, 3)
        self.inner = nn.Sequential(block)
        self.first = block
        self.second = block
        self.inner.up = self.inner


def pt(value: Any, name: str = "model.pt", **options: Any) -> Upload:
    """Return what torch.save writes."""
    out = io.BytesIO()
    torch.save(value, out, **options)
    return Upload(name, out.getvalue())


def safetensors(tensors: dict[str, torch.Tensor], folder: Path) -> Path:
    """Return a file that safetensors.torch.save_file wrote."""
    save_file(tensors, folder / "model.safetensors")
    return folder / "model.safetensors"


def saved_model(module: nn.Module, folder: Path) -> Path:
    """Return a file that safetensors.torch.save_model wrote, with its pairs of dropped names."""
    save_model(module, str(folder / "tied.safetensors"))
    return folder / "tied.safetensors"


def config(**fields: Any) -> Upload:
    """Return a config.json."""
    return Upload("config.json", json.dumps(fields).encode())


def saved_snapshot() -> Upload:
    """Return a Snapshot saved by us."""
    return Upload("model.shareviz.json", to_json(capture(Tied())).encode())


def small_safetensors() -> Upload:
    """Return what safetensors.torch.save makes."""
    return Upload("model.safetensors", save({"a": torch.zeros(2, 3), "b": torch.zeros(4)}))


def legacy(value: Any, name: str = "old.pt", **options: Any) -> Upload:
    """Return what torch.save wrote before 1.6."""
    return pt(value, name, _use_new_zipfile_serialization=False, **options)


def small_gguf() -> Upload:
    """Return a GGUF file of a token table, which is also the head, and a norm."""
    return Upload("model.gguf", bad_gguf.model(("token_embd.weight", (10, 4)), ("output_norm.weight", (4,))))


def script(module: nn.Module, name: str = "model.jit") -> Upload:
    """Return what torch.jit.save writes of a scripted module."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit is to go; its files stay
        torch.jit.save(torch.jit.script(module.eval()), out)
    return Upload(name, out.getvalue())


def small_onnx() -> Upload:
    """Return an ONNX file of one matrix that two nodes read, and a bias."""
    nodes = [
        bad_onnx.node("MatMul", ("x", "w"), ("h",), name="/first/MatMul"),
        bad_onnx.node("MatMul", ("h", "w"), ("y",), name="/second/MatMul"),
        bad_onnx.node("Add", ("y", "b"), ("z",)),
    ]
    weights = (bad_onnx.tensor("w"), bad_onnx.tensor("b", (2,), raw=b"\0" * 8))
    return Upload("model.onnx", bad_onnx.model(bad_onnx.graph(*nodes, weights=weights)))


def exported(module: nn.Module, *inputs: torch.Tensor, decomposed: bool = False, **options: Any) -> Upload:
    """Return what torch.export.save writes of a module, `decomposed` into core operations."""
    program, out = torch.export.export(module.eval(), inputs, **options), io.BytesIO()
    torch.export.save(program.run_decompositions() if decomposed else program, out)
    return Upload("model.pt2", out.getvalue())


def index(
    shards: Mapping[str, dict[str, torch.Tensor]], name: str = "model.safetensors.index.json"
) -> Upload:
    """Return the index of shards, given as tensors by name."""
    places = {key: shard for shard, tensors in shards.items() for key in tensors}
    return Upload(name, json.dumps({"metadata": {"total_size": 1}, "weight_map": places}).encode())


def shards(parts: Mapping[str, dict[str, torch.Tensor]]) -> tuple[Upload, ...]:
    """Return shards as safetensors writes them."""
    return tuple(Upload(name, save(tensors)) for name, tensors in parts.items())


PARTS: Mapping[str, dict[str, torch.Tensor]] = {
    "model-00001-of-00002.safetensors": {"a.weight": torch.zeros(4, 2), "a.bias": torch.zeros(4)},
    "model-00002-of-00002.safetensors": {"b.weight": torch.zeros(3, 4)},
}

# one real file for each format, by the module's name; the conformance test asks for it
EACH: Mapping[str, Callable[[], Upload]] = {
    "config": lambda: config(**SMALL_GPT2),
    "gguf": small_gguf,
    "onnx": small_onnx,
    "safetensors_index": lambda: index(PARTS),
    "safetensors": small_safetensors,
    "shareviz_json": saved_snapshot,
    "torch_export": lambda: exported(Tied(), torch.zeros(2, 3, dtype=torch.long)),
    "torch_legacy": lambda: legacy(Tied().state_dict()),
    "torchscript": lambda: script(Tied()),
    "torch_zip": lambda: pt(Tied().state_dict()),
}

# the files that belong to one of these
BESIDE: Mapping[str, Callable[[], tuple[Upload, ...]]] = {"safetensors_index": lambda: shards(PARTS)}
