"""The published rows that no strategy or transformers class expresses: torch modules and arithmetic."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from shareviz.assumptions import Assumptions
from shareviz.capture import capture
from shareviz.formats import LOCAL
from shareviz.formats.config import snapshot_of
from shareviz.ledger import ledger
from shareviz.plan import Plan, tie
from shareviz.sharing import tally, tied_groups

TABLE = files("shareviz") / "data" / "published_params.csv"
ROWS = [
    (row["model"], json.loads(row["config_json"]), int(row["exact_params"]))
    for row in csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())
]


def of(builder: str) -> Any:
    """Parametrize over the rows of one builder."""
    found = [(spec, exact) for _, spec, exact in ROWS if spec["builder"] == builder]
    names = [name for name, spec, _ in ROWS if spec["builder"] == builder]
    return pytest.mark.parametrize(("spec", "exact"), found, ids=names)


@of("torch")
def test_a_torch_module_counts_as_published(spec: dict[str, Any], exact: int) -> None:
    with torch.device("meta"):
        module = eval(spec["expr"], {"nn": nn})
    assert tally(capture(module)).stored == exact


@of("cnn")
def test_vgg16_counts_as_published(spec: dict[str, Any], exact: int) -> None:
    layers: list[nn.Module] = []
    width = 3
    for wide, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(times):
            layers += [nn.Conv2d(width, wide, 3, padding=1, device="meta"), nn.ReLU()]
            width = wide
        layers.append(nn.MaxPool2d(2))
    sizes = (512 * 7 * 7, 4096, 4096, 1000)
    layers += [
        nn.Flatten(),
        *(nn.Linear(a, b, device="meta") for a, b in pairwise(sizes)),
    ]
    assert spec["name"] == "vgg16" and tally(capture(nn.Sequential(*layers))).stored == exact


class LstmLm(nn.Module):
    """Zaremba's language model: torch's second bias of each layer is left out of the published count."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        self.emb = nn.Embedding(spec["V"], spec["e"], device="meta")
        self.rnn = nn.LSTM(spec["e"], spec["h"], spec["L"], device="meta")
        self.head = nn.Linear(spec["h"], spec["V"], device="meta")


@of("lstm_lm")
def test_press_and_wolf_count_as_published(spec: dict[str, Any], exact: int) -> None:
    seen = capture(LstmLm(spec))
    if spec.get("tie"):
        seen = Plan((tie("head.weight", "emb.weight"),)).apply(seen)
    second_biases = sum(slot.numel for slot in seen.parameters() if ".bias_hh" in slot.name)
    assert spec["bias_sets"] == 1 and tally(seen).stored - second_biases == exact


@of("lora")
def test_lora_trains_one_pair_for_each_adapted_matrix(spec: dict[str, Any], exact: int) -> None:
    assert sum(number * spec["r"] * (rows + columns) for number, rows, columns in spec["targets"]) == exact


@of("kv_bytes_per_token")
def test_the_cache_of_a_token_is_as_published(spec: dict[str, Any], exact: int) -> None:
    sizes = {"hidden_size": 32 * spec["head_dim"], "num_attention_heads": 32, "intermediate_size": 64}
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 64, **sizes}
    config |= {"num_hidden_layers": spec["L"], "num_key_value_heads": spec["kv_heads"]}
    kept = ledger(snapshot_of(config, LOCAL, trace=False), Assumptions(kv_dtype="float16")).row("kv_cache")
    assert spec["bytes"] == 2 and kept.value == exact


def test_zamba2_shares_its_block_under_all_its_names() -> None:
    seen = snapshot_of({"model_type": "zamba2", "architectures": ["Zamba2ForCausalLM"]}, LOCAL, trace=False)
    groups = tied_groups(seen)
    assert len(groups) == 27
    assert sorted({len(group.names) for group in groups}) == [2, 9]
    head = next(group for group in groups if len(group.names) == 2)
    assert set(head.names) == {"model.embed_tokens.weight", "lm_head.weight"}
