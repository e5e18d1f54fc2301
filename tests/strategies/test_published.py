"""Published counts that a strategy expresses, on transformers' own classes and on ours."""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from shareviz.capture import capture
from shareviz.models import snapshot_of
from shareviz.options import settle
from shareviz.roles import TABLES, roles
from shareviz.sharing import distinct, tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies

transformers = pytest.importorskip("transformers")
FILE = Path(__file__).parents[2] / "shareviz" / "data" / "published_params.csv"
ROWS = {row["model"]: row for row in csv.DictReader(FILE.read_text(encoding="utf-8").splitlines())}


def of_builder(builder: str) -> list[str]:
    return [name for name, row in ROWS.items() if json.loads(row["config_json"])["builder"] == builder]


@functools.cache
def captured(cls: str, config_cls: str, config: str) -> Snapshot:
    with torch.device("meta"):
        module = getattr(transformers, cls)(getattr(transformers, config_cls)(**json.loads(config)))
    return capture(module)


def shared(seen: Snapshot, name: str, **options: object) -> Snapshot:
    strategy = strategies()[name]
    return strategy.plan(seen, settle(strategy.options, options)).apply(seen)


def albert(config: dict[str, Any]) -> Snapshot:
    """The row's model before sharing: transformers' ALBERT in as many groups as layers.

    At full embedding width transformers adds a projection that the paper does not have, so there
    our own encoder stands in.
    """
    if not config["proj"]:
        output = "pooler" if config["pooler"] else "states"
        return snapshot_of(f"encoder?vocab={config['V']}&layers={config['L']}&output={output}")
    given = {
        "vocab_size": config["V"], "embedding_size": config["E"], "hidden_size": config["H"],
        "intermediate_size": config["ff"], "num_hidden_layers": config["L"],
        "num_hidden_groups": config["L"], "num_attention_heads": 12,
    }  # fmt: skip
    seen = captured("AlbertModel", "AlbertConfig", json.dumps(given))
    if config["pooler"]:
        return seen
    kept = tuple(slot for slot in seen.tensors if not slot.name.startswith("pooler."))
    return Snapshot(kept, seen.modules, (), seen.storages)


@pytest.mark.parametrize("model", of_builder("albert_variant"))
def test_the_ablation_of_albert(model: str) -> None:
    config = json.loads(ROWS[model]["config_json"])
    seen = albert(config)
    parts = {"all": "both", "attention": "attention", "ffn": "feed-forward"}
    if config["share"] != "none":
        seen = shared(seen, "all", parts=parts[config["share"]], norms="shared")
    assert tally(seen).stored == int(ROWS[model]["exact_params"])


@pytest.mark.parametrize("model", of_builder("encdec"))
def test_the_translators(model: str) -> None:
    config = json.loads(ROWS[model]["config_json"])
    text = (
        f"encoder_decoder?vocab={config['V']}&width={config['d']}&encoder_layers={config['n_enc']}"
        f"&decoder_layers={config['n_dec']}"
    )
    seen = shared(snapshot_of(text), "tied")
    if "u_enc" in config:
        assert config["u_enc"] == config["u_dec"]
        seen = shared(seen, "cycle", stored=config["u_enc"], norms="shared")
    assert tally(seen).stored == int(ROWS[model]["exact_params"])


@pytest.mark.parametrize("model", of_builder("recursive"))
def test_recursive_models(model: str) -> None:
    config = json.loads(ROWS[model]["config_json"])
    base = config["base"]
    seen = captured(base["hf_class"], base["hf_config_class"], json.dumps(base["hf_config"]))
    layers, rank = base["hf_config"]["num_hidden_layers"], config.get("lora_rank", 0)
    # MobileLLM-LS runs each block twice in a row, Bae et al. cycle
    order = "sequence" if "LS" in model else "cycle"
    if rank:
        seen = shared(seen, "relaxed", stored=config["unique_layers"], rank=rank, norms="shared")
    elif config["unique_layers"] < layers:
        seen = shared(seen, order, stored=config["unique_layers"], norms="shared")
    stored = tally(seen).stored
    if config.get("exclude_embeddings"):
        known = roles(seen)
        stored -= distinct(
            slot for slot in seen.parameters() if known[slot.name] in TABLES or slot.name == "lm_head.weight"
        )
    assert stored == int(ROWS[model]["exact_params"])


def test_a_language_model_of_two_lstm_layers_saves_a_table() -> None:
    # Press and Wolf (2017): Penn Treebank, large, one set of biases: 66.0 M to 51.0 M
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tok_emb = torch.nn.Embedding(10_000, 1500)
            self.rnn = torch.nn.LSTM(1500, 1500, num_layers=2, bias=False)
            self.bias = torch.nn.Parameter(torch.empty(2, 4 * 1500))
            self.head = torch.nn.Linear(1500, 10_000)

    with torch.device("meta"):
        seen = capture(Model())
    assert tally(seen).stored == 66_022_000
    assert tally(shared(seen, "tied")).stored == 51_022_000
