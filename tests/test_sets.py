"""Shared sets and the sentence of a page."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from torch import nn

from shareviz.capture import capture
from shareviz.headline import explanation, headline
from shareviz.jsonio import from_json
from shareviz.layers import stacks, table_plan
from shareviz.models import snapshot_of
from shareviz.sets import own_stored, set_of, shared_sets
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.trace import traced

IDS = torch.zeros(1, 8, dtype=torch.long)


def gpt2(layers: int = 12) -> Snapshot:
    with torch.device("meta"):
        return traced(transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=layers)), IDS)


def shared(seen: Snapshot, row: list[int], parts: tuple[str, ...] = ("attn", "mlp")) -> Snapshot:
    (stack,) = stacks(seen)
    own = list(range(len(row)))
    rows = [row if column.startswith(parts) else own for column in stack.columns]
    return table_plan(seen, stack, rows).apply(seen)


@pytest.fixture(scope="module")
def cycle() -> Snapshot:
    return shared(gpt2(), [layer % 3 for layer in range(12)])


def test_a_cycle_of_three_has_a_tie_and_three_sets_of_layers(cycle: Snapshot) -> None:
    sets = shared_sets(cycle)
    assert [found.id for found in sets] == ["S1", "S2", "S3", "S4"]
    assert [found.what for found in sets] == ["token table = output head", *["attention + feed-forward"] * 3]
    assert [found.layers for found in sets[1:]] == [(0, 3, 6, 9), (1, 4, 7, 10), (2, 5, 8, 11)]
    assert {found.stored for found in sets[1:]} == {7_084_800}
    assert set_of(sets)["transformer.h.4.attn.c_attn.weight"] == "S3"


def test_the_columns_stored_and_saved_add_up_to_the_tally(cycle: Snapshot) -> None:
    sets, counts = shared_sets(cycle), tally(cycle)
    assert sum(found.stored for found in sets) + own_stored(cycle, sets) == counts.stored
    assert sum(found.saved for found in sets) == counts.saved_by_ties + (counts.saved_by_reuse or 0)


def test_titles_say_what_is_shared(cycle: Snapshot) -> None:
    assert headline(cycle) == "12 layers, 3 stored blocks"
    assert headline(gpt2(2)) == "The output head is the token table"
    assert headline(shared(gpt2(4), [0] * 4, ("attn",))) == "4 layers: 1 attention, 4 feed-forward stored"
    assert headline(capture(nn.Linear(2, 2))) == "Nothing is shared"
    assert "uses 163.0 M" in explanation(cycle) and "the output head is the token table" in explanation(cycle)


def test_an_encoder_that_is_called_twice_is_one_set() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.encoder(x) - self.encoder(x + 1)

    seen = traced(Pair(), torch.zeros(1, 3))
    (found,) = shared_sets(seen)
    assert (found.kind, found.where, found.users) == ("reuse", "encoder", "2 uses")
    assert (found.stored, found.saved) == (28, 28)


def test_keys_that_equal_values_are_a_set_of_their_own() -> None:
    block = nn.ModuleDict({"k": nn.Linear(2, 2), "v": nn.Linear(2, 2)})
    block["v"].weight = block["k"].weight
    seen = capture(nn.ModuleDict({"blocks": nn.ModuleList([block, nn.ModuleDict(dict(block))])}))
    assert {found.kind for found in shared_sets(seen)} <= {"tie", "layers"}
    tie = next(found for found in shared_sets(seen) if found.kind == "tie")
    assert set(tie.names) == {"blocks.0.k.weight", "blocks.0.v.weight"}


@pytest.mark.parametrize(
    ("example", "title"),
    [
        ("albert-base", "12 layers, 1 stored block"),
        ("broken-lost-tie", "12 layers, nothing shared"),
        ("gru-over-time", "12 steps, 1 stored cell"),
        ("siamese", "2 towers, 1 stored tower"),
        ("t5-small", "3 token tables and 1 output head are one"),
        ("zamba-like", "12 layers, 4 of them run 2 stored blocks"),
    ],
)
def test_titles_of_the_examples_say_what_each_is_for(example: str, title: str) -> None:
    folder = Path(__file__).parent.parent / "shareviz" / "examples"
    seen = from_json((folder / f"{example}.shareviz.json").read_bytes())
    assert headline(seen) == title and explanation(seen).startswith("Stores ")


@pytest.mark.parametrize(
    ("model", "title"),
    [("gru_classifier", "12 steps"), ("siamese", "2 towers"), ("multitask", "2 towers, 2 heads")],
)
def test_what_is_repeated_has_its_own_word_where_nothing_is_shared(model: str, title: str) -> None:
    assert headline(snapshot_of(model)) == f"{title}, nothing shared"


def test_a_module_that_stands_in_two_stacks_is_counted_in_the_first() -> None:
    layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(4)])
    layers[1] = layers[0]
    towers = nn.ModuleList([nn.Sequential(layers[3], nn.Linear(4, 4)), nn.Sequential(layers[2])])
    (one, *_) = shared_sets(capture(nn.ModuleDict({"l": layers, "t": towers})))
    assert (one.prefix, one.layers) == ("l", (0, 1))


def test_layers_that_share_a_part_are_not_said_to_store_blocks() -> None:
    layers = nn.ModuleList(nn.ModuleDict({"ffn": nn.Linear(4, 8), "out": nn.Linear(8, 4)}) for _ in range(6))
    layers[1]["ffn"].weight = layers[0]["ffn"].weight  # type: ignore[index]
    seen = capture(layers)
    assert headline(seen) == "6 layers share some of their weights"
    assert "the one stored part serves 2 layers" in explanation(seen)
