"""Shared keys and values: only the cache shrinks, by the published factors."""

from __future__ import annotations

import functools

import pytest

from shareviz.assumptions import Assumptions
from shareviz.kv import cached_layers, kv_cached, offered_heads
from shareviz.ledger import Heading, compare, ledger
from shareviz.models import snapshot_of
from shareviz.savings import sentence_of
from shareviz.snapshot import Region, Snapshot, Tensor

look = functools.cache(snapshot_of)
TINY = "language_model?layers=6&width=16&heads=4&vocab=40&context=8"
WHOLE = 2 * 6 * 16  # a key and a value of width 16 in each of 6 layers


def test_one_cache_for_two_layers_halves_it_and_an_odd_layer_keeps_its_own() -> None:
    assert [kv_cached(look(TINY), layers=s).elements for s in (1, 2, 3, 4, 6)] == [
        WHOLE * kept // 6 for kept in (6, 3, 2, 2, 1)
    ]


def test_heads_divide_the_cache_and_go_with_layers() -> None:
    assert kv_cached(look(TINY), heads=1).elements == WHOLE // 4
    assert kv_cached(look(TINY), heads=2, layers=3).elements == WHOLE // 2 // 3
    assert offered_heads(look(TINY)) == (1, 2, 4)
    assert cached_layers(look(TINY)) == 6


def test_only_the_row_of_the_cache_changes() -> None:
    given = Assumptions(kv_heads=1, kv_layers=2)
    lines = compare(ledger(look(TINY), given.without_kv_sharing), ledger(look(TINY), given))
    assert {line.after.key: line.verdict for line in lines if line.verdict not in ("same", "100 %")} == {
        "kv_cache": "÷8.0"
    }
    (line,) = [line for line in lines if line.after.heading is Heading.KV]
    assert "shares activations" in line.after.note
    assert "KV cache" not in sentence_of(lines)


def test_heads_that_do_not_divide_are_refused_in_words() -> None:
    found = kv_cached(look(TINY), heads=3)
    assert found.elements is None
    assert "do not divide 4" in found.note


@pytest.mark.parametrize("model", ["vit", "siamese", "gru_classifier"])
def test_a_model_without_a_cache_has_nothing_to_share(model: str) -> None:
    assert kv_cached(look(model), heads=1).absent
    assert offered_heads(look(model)) == ()
    assert cached_layers(look(model)) == 0


def test_the_link_carries_it_and_the_way_back_is_the_model_itself() -> None:
    given = Assumptions.parse("kv_heads=2&kv_layers=2")
    assert given.shares_kv
    assert given.text == "kv_heads=2&kv_layers=2"
    assert given.without_kv_sharing == Assumptions()


def test_a_latent_that_the_names_state_is_cached_once() -> None:
    """DeepSeek-V2: a latent of 512 and a rotary part of 64, whatever the number of heads."""

    def slot(name: str, place: int, *shape: int) -> Tensor:
        return Tensor(name, name.rpartition(".")[0], shape, "float32", Region(place, 0, (shape[1], 1)))

    slots = [slot("embed_tokens.weight", 0, 100, 32), slot("lm_head.weight", 1, 100, 32)]
    slots += [slot(f"layers.{i}.self_attn.kv_a_proj_with_mqa.weight", 2 + i, 576, 32) for i in range(3)]
    seen = Snapshot(tensors=tuple(slots), storages=tuple(one.nbytes for one in slots))
    assert kv_cached(seen).elements == 3 * 576
    assert kv_cached(seen, layers=3).elements == 576
    assert "latent" in kv_cached(seen, heads=2).note
