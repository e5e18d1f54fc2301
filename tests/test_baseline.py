"""A model with nothing shared: what is counted once per use there is stored once per use."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from shareviz.baseline import without_sharing
from shareviz.design import Design, presets
from shareviz.models import snapshot_of
from shareviz.sharing import tally
from shareviz.trace import traced

look = functools.cache(snapshot_of)
MODELS = ["language_model?layers=4&width=16&heads=4&vocab=40", "multitask", "siamese", "gru_classifier"]


@pytest.mark.parametrize("model", MODELS)
def test_taking_a_tied_design_apart_gives_the_model_back(model: str) -> None:
    seen = look(model)
    for preset in presets(seen):
        after = preset.design.plan(seen).apply(seen)
        if not after.derived:
            assert without_sharing(after) == seen, preset.title


def test_a_reused_block_becomes_as_many_blocks_as_runs() -> None:
    block = nn.Linear(8, 8)

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = block
            self.head = nn.Linear(8, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(5):
                x = self.block(x)
            y: torch.Tensor = self.head(x)
            return y

    seen = traced(Loop(), torch.zeros(1, 8))
    apart = without_sharing(seen)
    assert tally(apart).stored == tally(apart).used == tally(seen).used == 5 * 72 + 18
    assert tally(apart).saved_by_reuse == 0
    assert without_sharing(apart) == apart


def test_a_recurrent_layer_becomes_a_cell_for_each_step() -> None:
    seen = traced(nn.GRU(3, 4, batch_first=True), torch.zeros(1, 6, 3))
    assert tally(without_sharing(seen)).stored == 6 * 3 * (12 + 16 + 8)


def test_albert_without_sharing_is_as_large_as_what_it_uses() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.AlbertConfig(
        vocab_size=60, embedding_size=8, hidden_size=16, intermediate_size=32,
        num_hidden_layers=6, num_attention_heads=2,
    )  # fmt: skip
    with torch.device("meta"):
        model = transformers.AlbertModel(config)
    seen = traced(model, input_ids=torch.zeros(1, 8, dtype=torch.long))
    counts = tally(seen)
    assert counts.used is not None
    assert counts.never_read is not None
    assert tally(without_sharing(seen)).stored == counts.used + counts.never_read
    assert counts.used > 2 * counts.stored
    assert presets(seen)[0].key == "none"


def test_a_model_with_nothing_shared_is_its_own_baseline() -> None:
    seen = look(MODELS[0])
    assert without_sharing(seen) is seen
    assert Design.parse("apart").text == "apart"
