"""How often a weight is used, by form: against counting by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
import transformers
from torch import nn

from shareviz.capture import capture
from shareviz.design import Design
from shareviz.models import snapshot_of
from shareviz.sharing import named_numels
from shareviz.trace import traced
from shareviz.useforms import unshared_total, use_forms


def test_a_kernel_is_used_at_every_position() -> None:
    seen = traced(nn.Conv2d(3, 4, 3, padding=1), torch.zeros(2, 3, 5, 7))
    forms = use_forms(seen)
    assert forms["weight"].positions == forms["bias"].positions == 2 * 5 * 7
    assert forms["weight"].text == "70 positions"
    # a locally connected layer and an example of its own for each: (3·3·3·4 + 4)·70
    assert unshared_total(seen) == (3 * 3 * 3 * 4 + 4) * 70


def test_a_grouped_kernel_serves_as_many_positions() -> None:
    seen = traced(nn.Conv2d(4, 4, 3, groups=2), torch.zeros(1, 4, 6, 6))
    assert use_forms(seen)["weight"].positions == 16


def test_a_linear_layer_serves_every_token() -> None:
    seen = traced(nn.Linear(5, 6), torch.zeros(2, 8, 5))
    assert {uses.positions for uses in use_forms(seen).values()} == {Fraction(16)}


def test_a_cell_serves_every_step() -> None:
    seen = traced(nn.GRU(3, 4, batch_first=True), torch.zeros(1, 9, 3))
    assert {uses.steps for uses in use_forms(seen).values()} == {Fraction(9)}


def test_tied_cells_of_a_chain_count_as_steps() -> None:
    seen = snapshot_of("gru_classifier?steps=6&width=8")
    after = Design.parse("time").plan(seen).apply(seen)
    assert use_forms(after)["cells.0.weight_hh"].steps == 6
    assert use_forms(seen)["cells.0.weight_hh"].steps == 1


def test_one_block_that_runs_twelve_times_counts_as_layers() -> None:
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "embedding_size": 8}
    with torch.device("meta"):
        model = transformers.AlbertModel(
            transformers.AlbertConfig(vocab_size=50, num_hidden_layers=12, **sizes)
        )
    forms = use_forms(traced(model, torch.zeros(1, 8, dtype=torch.long)))
    name = "encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"
    assert (forms[name].layers, forms[name].positions) == (12, 8)
    assert forms[name].text == "8 positions × 12 layers"


def test_a_tied_table_is_used_under_two_names() -> None:
    seen = snapshot_of("language_model?layers=1&width=16&heads=2&vocab=64")
    after = Design.parse("tied").plan(seen).apply(seen)
    uses = use_forms(after)["head.weight"]
    assert (uses.names, uses.layers) == (2, 1) and uses == use_forms(after)["tok_emb.weight"]


@pytest.mark.parametrize("design", ["", "tied", "cycle?stored=2", "all", "gqa?kv_heads=1"])
def test_what_is_shared_does_not_change_what_would_be_without(design: str) -> None:
    seen = snapshot_of("language_model?layers=4&width=16&heads=2&vocab=64")
    after = Design.parse(design).plan(seen).apply(seen)
    assert unshared_total(after) == unshared_total(seen) >= sum(named_numels(seen).values())


def test_without_a_trace_nothing_is_said() -> None:
    assert use_forms(capture(nn.Linear(2, 2))) is None and unshared_total(capture(nn.Linear(2, 2))) is None


def test_a_weight_that_is_never_read_has_no_uses() -> None:
    module = nn.ModuleDict({"a": nn.Linear(2, 2)})
    module.forward = lambda x: x  # type: ignore[assignment]
    assert use_forms(traced(module, torch.zeros(1, 2))) == {}
