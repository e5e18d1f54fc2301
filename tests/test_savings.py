"""The words and rows of the savings page, from Snapshots alone."""

from __future__ import annotations

import functools
import io
from contextlib import redirect_stdout

import pytest
import torch

from shareviz.baseline import without_sharing
from shareviz.capture import capture
from shareviz.design import Design, Preset, presets
from shareviz.jsonio import from_json
from shareviz.ledger import compare, ledger
from shareviz.models import build, catalogue, snapshot_of
from shareviz.options import settle
from shareviz.published import of_count, published
from shareviz.savings import GROUPS, Comparison, comparison, parts_of, pytorch, sentence_of, title_of, tried
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies
from shareviz.turns import choices

look = functools.cache(snapshot_of)
TINY = "language_model?layers=4&width=16&heads=4&vocab=40&context=8"


def compared(seen: Snapshot, text: str) -> Comparison:
    design = Design.parse(text)
    after = design.plan(seen).apply(seen)
    return comparison(tried(seen), without_sharing(seen), Preset("own", design.title(seen), design), after)


def titled(shown: Comparison) -> str:
    return title_of(shown.now.preset.title, shown.before, shown.now.after)


def test_the_title_is_the_answer() -> None:
    seen = look("language_model")
    assert titled(compared(seen, "tied;cycle")) == "Cycle 3 stores 60.7 M instead of 163.0 M"
    assert titled(compared(seen, "")) == "Without sharing it stores 163.0 M"
    assert titled(compared(seen, "tied;all")) == "All layers store 46.5 M instead of 163.0 M"
    assert titled(compared(seen, "tied;cycle?stored=4")) == "Cycle 4 stores 67.8 M instead of 163.0 M"


def test_the_sentence_tells_both_halves() -> None:
    def said(text: str, design: str) -> str:
        seen = look(text)
        after = Design.parse(design).plan(seen).apply(seen)
        return sentence_of(compare(ledger(seen), ledger(after)))

    assert said("language_model", "tied;cycle") == (
        "**÷2.7** for weights, gradients and optimizer state. **The same** compute, activations and KV cache."
    )
    assert said("vit", "all").endswith("**The same** compute and activations.")
    assert said("vit", "").startswith("Choose a strategy")
    assert said(TINY, "lora?rank=1") == (
        # 14,560 stored, of which 4 layers · 2 · (16 + 16) = 256 more; these alone are trained
        "**×1.02** for weights, **÷56.9** for gradients and optimizer state. "
        "**The same** compute, activations and KV cache."
    )


def test_a_design_that_leads_to_a_preset_is_that_preset() -> None:
    shown = compared(look(TINY), "tied;cycle?stored=3")
    assert shown.now.preset.key == "cycle"
    assert len(shown.rows) == len(shown.offered)
    own = compared(look(TINY), "tied;cycle?stored=2")
    assert own.now.preset.key == "own"
    assert own.rows[-1] is own.now


def test_an_example_that_is_shared_already_is_compared_with_itself_taken_apart() -> None:
    seen = look("language_model")
    shared = Design.parse("tied;cycle").plan(seen).apply(seen)
    shown = compared(shared, "")
    assert titled(shown) == "Cycle 3 stores 60.7 M instead of 163.0 M"
    assert shown.rows[0].stored == 163_037_184


def test_a_reused_block_is_compared_with_a_block_for_each_run() -> None:
    from importlib.resources import files

    albert = files("shareviz") / "examples" / "albert-base.shareviz.json"
    seen = from_json(albert.read_bytes())
    shown = compared(seen, "")
    assert titled(shown) == "As it is, it stores 11.7 M instead of 89.7 M"
    assert shown.rows[0].preset.title == "Without sharing"
    lines = {line.after.key: line.verdict for line in compare(ledger(shown.before), ledger(seen))}
    assert lines["weights"] == "÷7.7"
    assert {lines[key] for key in ("flops", "activations", "layers")} == {"same"}


@pytest.mark.parametrize("model", sorted(catalogue()))
def test_the_parts_of_a_bar_add_up_to_what_is_stored(model: str) -> None:
    seen = look(model)
    for one in tried(seen):
        assert sum(one.parts) == one.stored == tally(one.after).stored, one.preset.title


def test_the_parts_of_gpt_are_its_tables_attention_feed_forward_and_norms() -> None:
    parts = dict(zip(GROUPS, parts_of(look("language_model")), strict=True))
    assert parts == {
        "Embeddings": 2 * 50_257 * 768 + 1024 * 768,
        "Attention": 12 * (4 * 768 * 768 + 4 * 768),
        "Feed-forward": 12 * (2 * 768 * 3072 + 3072 + 768),
        "Norms and other": 12 * 4 * 768 + 2 * 768,
    }


@pytest.mark.parametrize("model", [TINY, "gru_classifier?steps=4", "conv_classifier?image=8", "siamese"])
def test_the_code_for_pytorch_runs_and_stores_what_the_page_says(model: str) -> None:
    seen = look(model)
    for preset in presets(seen):
        names: dict[str, object] = {"model": build(model, device="cpu", seed=1)}
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(pytorch(preset.design), names)
        after = preset.design.plan(seen).apply(seen)
        assert printed.getvalue() == f"{tally(after).stored}\n"
        assert isinstance(names["shared"], torch.nn.Module)
        assert capture(names["shared"]) == after


@pytest.mark.parametrize("model", sorted(catalogue()))
def test_every_value_that_a_control_offers_applies(model: str) -> None:
    seen = look(model)
    for name, strategy in strategies().items():
        for option in strategy.options:
            values = dict(settle(strategy.options, {}))
            preset = next((one for one in presets(seen) if one.key in (name, "attention")), None)
            if preset is None or preset.design.steps[-1].strategy != name:
                continue
            values = dict(preset.design.steps[-1].values)
            for value in choices(strategy, option, values, seen)[:6]:
                strategy.plan(seen, {**values, option.name: value}).apply(seen)


def test_the_turns_offer_what_a_model_has_room_for() -> None:
    def offered(name: str, option: str, **given: object) -> tuple[object, ...]:
        strategy = strategies()[name]
        values = settle(strategy.options, given)
        turn = next(one for one in strategy.options if one.name == option)
        return choices(strategy, turn, values, look(TINY))

    assert offered("cycle", "stored") == (1, 2, 3, 4)
    assert offered("gqa", "kv_heads") == (1, 2, 4)
    assert offered("sandwich", "ends") == (0, 1)
    assert offered("sandwich", "middle") == (1,)  # with 2, every layer would keep its own
    assert offered("factorised", "rank", rank=4) == (1, 2, 4, 8)  # 11 is the last rank that saves
    assert offered("relaxed", "rank") == (1, 2, 4, 8)
    assert offered("all", "parts") == ("both", "attention", "feed-forward")


def test_a_part_that_a_model_does_not_hold_is_not_offered() -> None:
    strategy = strategies()["all"]
    parts = next(option for option in strategy.options if option.name == "parts")
    assert choices(strategy, parts, settle(strategy.options, {}), look("ring")) == ("both",)


def test_published_totals_that_differ_are_the_known_ones() -> None:
    assert {row.model.split(" (")[0] for row in published() if row.differs} == {
        "albert-xlarge",  # 58.7 M for "60M"
        "albert-xxlarge",  # 222.6 M for "235M"
        "t5-large",  # 737.7 M for "770M"
        "Transformer-base WMT En-De",  # 63.1 M for "65M"
    }


def test_a_model_is_found_by_its_exact_count() -> None:
    (row,) = of_count(222_595_584)
    assert (row.said, row.number) == ("235M", 235e6)
    assert row.differs
    assert "Lan et al. 2019" in row.source
    assert of_count(12_345) == ()
    assert all("[" not in row.source for row in published())
