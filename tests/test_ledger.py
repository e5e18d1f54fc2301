"""The ledger: what shrinks, what stays the same, what nobody can say."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as draw
from torch import nn

from shareviz.assumptions import OPTIMIZERS
from shareviz.capacity import capacity
from shareviz.capture import capture
from shareviz.design import Design, presets
from shareviz.errors import OptionError
from shareviz.ledger import Assumptions, Heading, Line, compare, ledger
from shareviz.models import build, catalogue, inputs_of, snapshot_of
from shareviz.plan import Plan
from shareviz.realize import realize
from shareviz.snapshot import Snapshot
from shareviz.trace import trace

look = functools.cache(snapshot_of)
GPT = "language_model"
TINY = "language_model?layers=4&width=16&heads=4&vocab=40&context=8"
STAYS = ("flops", "activations", "kv_cache", "layers")
MIB = 2**20


def under(text: str, design: str) -> Snapshot:
    return Design.parse(design).plan(look(text)).apply(look(text))


def lines(text: str, design: str, **given: object) -> dict[str, Line]:
    assumed = Assumptions(**given)  # type: ignore[arg-type]
    found = compare(ledger(look(text), assumed), ledger(under(text, design), assumed))
    return {line.after.key: line for line in found}


def test_the_numbers_of_the_savings_page() -> None:
    found = lines(GPT, "tied;cycle")
    stored = 60_676_608  # of 163,037,184
    assert found["weights"].after.value == 4 * stored
    assert found["optimizer"].after.value == 8 * stored
    assert [found[key].after.shown for key in ("weights", "optimizer", "kv_cache", "layers")] == [
        "231 MiB",
        "463 MiB",
        "36.0 KiB / token",  # 2 · 12 layers · 768 · 2 bytes
        "12",
    ]
    shrinking = [line for line in found.values() if line.after.heading is Heading.SHRINKS]
    assert {line.verdict for line in shrinking} == {"÷2.7"}
    assert {found[key].verdict for key in STAYS} == {"same"}
    assert (found["acts_like"].after.shown, found["acts_like"].verdict) == ("40.3 M", "47 %")


def test_flops_are_two_for_each_weight_that_multiplies() -> None:
    # 12 blocks of 7,077,888 matrix elements and a head of 38,597,376; attention at 8 tokens adds
    # 2 products · 2 · 8 · 768 for each of 12 layers
    assert ledger(look(GPT)).row("flops").value == 2 * (12 * 7_077_888 + 38_597_376) + 12 * 4 * 8 * 768


@pytest.mark.parametrize("model", sorted(catalogue()))
def test_every_preset_leaves_the_work_as_it_was(model: str) -> None:
    """Law 3, measured: the trace of the realized module, less what makes weights, costs the same."""
    small = {"language_model": TINY, "encoder": "encoder?layers=4&width=16&heads=4&vocab=40"}
    small |= {"vit": "vit?layers=4&width=16&heads=4&image=16&patch=8"}
    small |= {
        "encoder_decoder": "encoder_decoder?encoder_layers=4&decoder_layers=4&width=16&heads=4&vocab=40"
    }
    text = small.get(model, model)
    seen = look(text)
    for preset in presets(seen):
        plan = preset.design.plan(seen)
        module = realize(plan, build(text))
        steps = trace(module, *inputs_of(text))
        measured = replace(plan.apply(seen), steps=steps)
        for key in STAYS:
            told = ledger(plan.apply(seen)).row(key).value
            assert told == ledger(measured).row(key).value == ledger(seen).row(key).value, (preset.title, key)


def test_what_a_file_cannot_say_is_not_zero() -> None:
    bare = replace(under(TINY, ""), steps=None)
    found = {row.key: row for row in ledger(bare).rows}
    assert found["flops"].value is None
    assert found["activations"].value is None
    assert found["flops"].shown == "cannot say"
    assert "no forward pass" in found["flops"].note
    lined = compare(ledger(bare), ledger(under(TINY, "all")))
    assert {line.verdict for line in lined if line.after.key in ("flops", "activations")} == {"cannot say"}
    assert all(line.kept is None for line in lined if line.verdict == "cannot say")


def test_a_model_without_a_cache_has_none() -> None:
    for text in ("vit", "encoder?layers=2&output=tokens&classes=30522", "conv_classifier"):
        row = ledger(look(text)).row("kv_cache")
        assert row.absent
        assert row.shown == "none"


def test_a_decoder_caches_its_own_tokens_alone() -> None:
    text = "encoder_decoder?encoder_layers=5&decoder_layers=3&width=16&heads=4&vocab=40"
    assert ledger(look(text)).row("kv_cache").value == 2 * 3 * 16 * 2


def test_fewer_stored_kv_heads_leave_the_cache_as_it_is() -> None:
    found = lines(TINY, "gqa?kv_heads=1")
    assert found["weights"].verdict.startswith("÷")
    assert found["kv_cache"].verdict == "same"


def test_a_block_that_runs_again_and_again_is_cached_each_time() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_layer=3, n_embd=16, n_head=2, vocab_size=30, n_positions=16)
    with torch.device("meta"):
        model = transformers.GPT2LMHeadModel(config)
    model.transformer.h = nn.ModuleList([model.transformer.h[0]] * 3)
    seen = replace(capture(model), steps=trace(model, torch.zeros(1, 8, dtype=torch.long)))
    assert ledger(seen).row("kv_cache").value == 2 * 3 * 16 * 2


@settings(deadline=None, max_examples=30)
@given(workers=draw.integers(1, 64), dtype=draw.sampled_from(["float32", "bfloat16"]))
def test_a_ring_sends_twice_the_gradient_less_a_share(workers: int, dtype: str) -> None:
    made = ledger(look(TINY), Assumptions(workers=workers, dtype=dtype))
    gradients = made.row("gradients").value
    assert gradients is not None
    # each of n chunks is sent n − 1 times to add up, and n − 1 times to spread
    assert made.row("all_reduce").value == pytest.approx(2 * (workers - 1) * gradients / workers)


def test_the_optimizers_keep_what_torch_keeps() -> None:
    module = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2))
    seen = capture(module)
    (sum(p.sum() for p in module.parameters())).backward()
    made = {
        "adam": torch.optim.Adam(module.parameters()),
        "momentum": torch.optim.SGD(module.parameters(), momentum=0.9),
        "sgd": torch.optim.SGD(module.parameters()),
        "adafactor": torch.optim.Adafactor(module.parameters()),
    }
    for name, optimizer in made.items():
        optimizer.step()
        kept = sum(
            value.numel() * value.element_size()
            for state in optimizer.state.values()
            for key, value in state.items()
            if torch.is_tensor(value) and key != "step"
        )
        assert ledger(seen, Assumptions(optimizer=name)).row("optimizer").value == kept, name
    assert set(OPTIMIZERS) - set(made) == {"adam8bit"}


def test_frozen_weights_have_neither_gradient_nor_state() -> None:
    module = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2))
    module[0].requires_grad_(False)
    made = ledger(capture(module))
    assert [made.row(key).value for key in ("weights", "gradients", "optimizer")] == [152, 40, 80]
    assert ledger(capture(module), Assumptions(optimizer="adafactor")).row("optimizer").value == 32


def test_activations_scale_with_batch_and_length() -> None:
    one = ledger(look(TINY), Assumptions(batch=1, length=8)).row("activations").value
    many = ledger(look(TINY), Assumptions(batch=3, length=16)).row("activations").value
    assert one
    assert many == 6 * one


@given(phi=draw.floats(0, 1))
def test_the_estimate_lies_between_stored_and_used(phi: float) -> None:
    before, after = capacity(look(TINY), phi), capacity(under(TINY, "tied;cycle?stored=2"), phi)
    assert before.acts_like == before.stored
    assert after.stored <= after.acts_like <= before.stored * (1 + 1e-9)


def test_the_estimate_is_the_fit_of_the_paper() -> None:
    # GPT, cycle of 3: 3 blocks of 7,084,800 run 4 times; 12 layers of norms and a last one once
    once, again = 12 * 4 * 768 + 2 * 768, 3 * 7_084_800
    found = capacity(under(GPT, "tied;cycle"))
    assert found.acts_like == pytest.approx(once + 4**0.46 * again)
    assert found.inside
    assert not capacity(under(GPT, "tied;all")).inside


def test_a_correction_of_low_rank_counts_once_and_its_base_as_often_as_it_runs() -> None:
    cycle = capacity(under(TINY, "cycle?stored=2"))
    relaxed = capacity(under(TINY, "relaxed?stored=2&rank=1"))
    sides = 4 * (16 + 16) + 2 * (16 + 64)
    assert relaxed.acts_like == pytest.approx(cycle.acts_like + 4 * sides)


def test_assumptions_are_read_back_from_their_text() -> None:
    given_ = Assumptions(dtype="bfloat16", batch=4, phi=0.38)
    assert given_.text == "dtype=bfloat16&batch=4&phi=0.38"
    assert Assumptions.parse(given_.text) == given_
    assert Assumptions.parse("") == Assumptions()
    assert Assumptions().text == ""


@pytest.mark.parametrize("text", ["dtype=int3", "batch=0", "colour=red", "batch", "phi=2"])
def test_bad_assumptions_are_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        Assumptions.parse(text)
    assert caught.value.hint


def test_a_ledger_is_fast_on_a_large_model() -> None:
    seen = look("language_model?layers=96&width=12288&heads=96")
    assert ledger(seen).row("layers").value == 96
    assert Plan().apply(seen) is seen


@pytest.mark.parametrize("way", ["atoms?atoms=2", "basis?rank=4", "hashed", "low_rank?rank=4", "vera?rank=2"])
def test_the_fit_says_nothing_of_weights_made_of_other_pieces(way: str) -> None:
    row = lines(TINY, way)["acts_like"].after
    assert (row.value, row.absent) == (None, False)
    assert "products, mixtures or hashes" in row.note


@pytest.mark.parametrize("way", ["factorised?rank=4", "hash_embeddings?buckets=8"])
def test_a_token_table_in_pieces_leaves_the_estimate_as_it_is(way: str) -> None:
    line = lines(TINY, way)["acts_like"]
    assert line.after.value == line.before.value
