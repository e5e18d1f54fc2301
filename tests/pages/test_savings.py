"""The savings page, run as Streamlit runs it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from shareviz.assumptions import Assumptions
from shareviz.design import Design
from shareviz.errors import PlanError
from shareviz.ledger import compare, ledger
from shareviz.mapview import picture
from shareviz.models import snapshot_of
from shareviz.published import of_count
from shareviz.strokes import Across
from shareviz.ui.canvas import after_stroke
from shareviz.ui.savings_exports import ledger_csv
from shareviz.ui.savings_view import conflict_of, explained
from shareviz.ui.svledger import parts
from shareviz.ui.svpaint import brushes

GPT = "language_model"


Open = Callable[..., AppTest]


def pills(app: AppTest) -> list[str]:
    return list(app.pills(key="st").options)


def test_the_page_answers_with_the_plan_of_the_link(open_app: Open) -> None:
    app = open_app("savings", m=GPT, p="tied;cycle")
    assert [title.value for title in app.title] == ["Cycle 3 stores 60.7 M instead of 163.0 M"]
    assert any("**÷2.7**" in text.value for text in app.markdown)
    assert app.pills(key="st").value == "cycle"
    assert pills(app)[:3] == ["None", "Tied embeddings", "Attention only"]


def test_a_chosen_strategy_becomes_the_design_of_every_page(open_app: Open) -> None:
    app = open_app("savings", m=GPT)
    assert app.title[0].value == "Without sharing it stores 163.0 M"
    app.pills(key="st").set_value("all").run()
    assert app.title[0].value == "All layers store 46.5 M instead of 163.0 M"
    assert app.session_state["sv_design"] == "tied;all"


def test_a_way_behind_the_first_row_joins_it_once_chosen(open_app: Open) -> None:
    app = open_app("savings", m=GPT)
    assert "Pairs" not in pills(app)
    app.pills(key="sv_more").set_value("pairs").run()
    assert app.session_state["sv_design"] == "tied;sequence?stored=6"
    assert app.title[0].value == "Pairs store 81.9 M instead of 163.0 M"
    assert app.pills(key="st").value == app.pills(key="sv_more").value == "pairs"
    app.pills(key="st").set_value("cycle").run()
    assert "Pairs" not in pills(app)
    assert app.pills(key="sv_more").value is None


def test_turning_an_option_makes_an_own_plan(open_app: Open) -> None:
    app = open_app("savings", m=GPT, p="tied;cycle")
    app.select_slider(key="sv_turn_cycle_stored").set_value(4).run()
    assert app.session_state["sv_design"] == "tied;cycle?stored=4"
    assert app.title[0].value == "Cycle 4 stores 67.8 M instead of 163.0 M"
    assert app.pills(key="st").value == "own"
    app.segmented_control(key="sv_turn_tied").set_value("own").run()
    assert app.session_state["sv_design"] == "cycle?stored=4"


def test_assumptions_change_the_ledger_and_the_link_key(open_app: Open) -> None:
    app = open_app("savings", m=GPT, p="tied;cycle")
    app.number_input(key="sv_assume_batch").set_value(16).run()
    assert app.session_state["a"] == "batch=16"
    assert any("batch 16" in caption.value for caption in app.caption)
    app.text_input(key="a").set_value("dtype=int3").run()
    assert any("dtype" in error.value for error in app.error)
    assert not app.exception


def test_a_model_without_layers_says_what_is_left_to_share(open_app: Open) -> None:
    app = open_app("savings", m="language_model?layers=1&width=64&heads=4&vocab=1000")
    assert any("No repeated layers found" in info.value for info in app.info)
    assert any("saves 64.0 k" in info.value for info in app.info)
    app = open_app("savings", m="language_model?layers=1&width=96&heads=12&vocab=1000")
    assert any("No repeated layers found" in info.value for info in app.info)


LAST = {
    "conv_classifier": "space",
    "gru_classifier": "time",
    "multitask": "tasks",
    "vit": "gqa",
    "encoder_decoder": "factorised",
}


@pytest.mark.parametrize("model", LAST)
def test_every_kind_of_model_has_a_page(model: str, open_app: Open) -> None:
    app = open_app("savings", m=model)
    assert len(app.title) == 1
    app.pills(key="st").set_value(LAST[model]).run()
    assert not app.exception
    assert "instead of" in app.title[0].value


def test_a_published_total_that_differs_is_said_in_both_numbers() -> None:
    (row,) = of_count(222_595_584)
    said = conflict_of(row)
    assert said.startswith("Published total differs: 235.0 M in the paper, 222.6 M from this configuration.")


def test_what_others_measured_follows_from_what_is_shared(open_app: Open) -> None:
    app = open_app("savings", m=GPT, p="tied;all")
    said = " ".join(text.value for text in app.markdown)
    assert "sources differ" in said
    assert "Lan et al." in said
    assert "Dehghani et al." in said
    app = open_app("savings", m=GPT, p="hash_embeddings")
    assert any("No published effect known to us" in text.value for text in app.markdown)
    app = open_app("savings", m=GPT)
    assert not any("What others measured" in text.value for text in app.markdown)


def test_the_ledger_component_gets_words_and_lengths() -> None:
    seen = snapshot_of(GPT)
    after = Design.parse("tied;cycle").plan(seen).apply(seen)
    lines = compare(ledger(seen), ledger(after))
    shrinks, same, estimate = parts(lines)
    assert [part["heading"] for part in (shrinks, same, estimate)] == [
        "Shrinks",
        "Stays the same",
        "Estimate",
    ]
    weights = shrinks["rows"][0]  # type: ignore[index]
    assert (weights["value"], weights["of"], weights["verdict"]) == ("231 MiB", "of 622 MiB", "÷2.7")
    assert weights["kept"] == pytest.approx(60_676_608 / 163_037_184)
    assert {row["kind"] for row in same["rows"]} == {"same"}  # type: ignore[attr-defined]
    assert "inside the fit" in explained(lines, Assumptions())


def test_the_table_for_download_has_exact_numbers_and_empty_cells_for_what_nobody_can_say() -> None:
    seen = snapshot_of("vit")
    after = Design.parse("all").plan(seen).apply(seen)
    table = ledger_csv(compare(ledger(seen), ledger(after))).decode("utf-8-sig")
    rows = {row["quantity"]: row for row in csv.DictReader(io.StringIO(table))}
    assert rows["Weights"]["without sharing"] == str(4 * 86_567_656)
    assert rows["Weights"]["this plan"] == str(4 * 8_634_856)
    assert rows["KV cache"]["this plan"] == ""


def test_a_painted_table_is_a_plan_of_its_own_with_a_switch_for_the_head(open_app: Open) -> None:
    app = open_app("savings", m=GPT, p="a:01201201201.;f:=a;n:own;tie:1")
    assert app.title[0].value == "Own plan stores 67.8 M instead of 163.0 M"
    assert any(text.value.startswith("12 layers, 4 stored blocks. ") for text in app.markdown)
    app.segmented_control(key="sv_turn_tied").set_value("own").run()
    assert app.session_state["sv_design"] == "a:01201201201.;f:=a;n:own;tie:0"
    assert not app.exception


def test_undo_takes_back_what_was_chosen_and_redo_brings_it_again(open_app: Open) -> None:
    app = open_app("savings", m=GPT, p="tied;cycle")
    buttons = {one.label: one for one in app.button}
    assert buttons["Undo"].disabled and buttons["Redo"].disabled and buttons["Reset"].disabled
    app.pills(key="st").set_value("all").run()
    next(one for one in app.button if one.label == "Undo").click().run()
    assert app.session_state["sv_design"] == "tied;cycle"
    next(one for one in app.button if one.label == "Redo").click().run()
    assert app.session_state["sv_design"] == "tied;all"


def test_a_stroke_that_gives_a_preset_becomes_it() -> None:
    seen = snapshot_of(GPT)
    every = {"cells": [[0, layer, [2, 3]] for layer in range(12)], "brush": {"kind": "new", "like": None}}
    assert after_stroke(seen, "tied;cycle", every, Across.BLOCK) == ("tied;all", "")
    one = {"cells": [[0, 11, [2, 3]]], "brush": {"kind": "own", "like": None}}
    assert after_stroke(seen, "tied;cycle", one, Across.BLOCK)[0] == "a:01201201201.;f:=a;n:own;tie:1"


def test_columns_are_called_what_the_map_calls_them() -> None:
    seen = snapshot_of(GPT)
    across = {"cells": [[0, 0, [12, 13]], [0, 0, [14, 15]]], "brush": {"kind": "new", "like": None}}
    with pytest.raises(PlanError, match=r"^in and out have different shapes \(3072×768, 768×3072\)"):
        after_stroke(seen, "", across, Across.TENSOR)


def test_there_is_a_brush_for_each_set_of_layers() -> None:
    seen = snapshot_of(GPT)
    after = Design.parse("tied;cycle").plan(seen).apply(seen)
    found = brushes(after, picture(after, True))
    assert [(one["id"], one["layers"][:2]) for one in found] == [
        ("S2", [0, 3]),
        ("S3", [1, 4]),
        ("S4", [2, 5]),
    ]
