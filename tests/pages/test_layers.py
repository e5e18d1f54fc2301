"""Layer by layer in the dialog and on the pages: what stands in the table is what is used and exported."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from shareviz.design import Design
from shareviz.models import snapshot_of
from shareviz.sharing import tally
from shareviz.text import count
from shareviz.ui.bar import _program
from shareviz.ui.choose_layers import PRESETS
from shareviz.ui.library import find

Open = Callable[..., AppTest]
TEXT = "layers?input=tokens-6&rows=embedding-20-8~block-2-x4~head-20"


def table() -> None:
    from shareviz.ui.choose_build import draw_build

    draw_build()


def run(**state: object) -> AppTest:
    app = AppTest.from_function(table, default_timeout=60)
    app.session_state["sv_build"] = "Layer by layer"
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception and not app.error
    return app


def said(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown)


@pytest.mark.parametrize("name", PRESETS)
def test_every_beginning_is_counted_and_used(name: str) -> None:
    app = run()
    app.pills(key="sv_layers_preset").set_value(name).run()
    given, rows = PRESETS[name]
    stored = tally(snapshot_of(f"layers?input={given}&rows={rows}")).stored
    assert f"stores {count(stored)}" in said(app)
    next(button for button in app.button if button.label == "Use this model").click().run()
    assert app.session_state["sv_model"].startswith("layers")
    assert app.session_state["sv_design"] == ""


def test_the_table_begins_with_the_model_that_is_shown_and_what_it_shares() -> None:
    app = run(sv_model=TEXT, sv_design="tied;all?norms=shared")
    seen = snapshot_of(TEXT)
    stored = tally(Design.parse("tied;all?norms=shared").plan(seen).apply(seen)).stored
    assert f"stores {count(stored)}" in said(app)
    next(button for button in app.button if button.label == "Use this model").click().run()
    assert app.session_state["sv_model"] == TEXT
    design = Design.parse(app.session_state["sv_design"])
    assert tally(design.plan(seen).apply(seen)).stored == stored


@pytest.mark.parametrize("page", ["", "savings", "training", "checks", "learn"])
def test_every_page_shows_a_model_of_ones_own(open_app: Open, page: str) -> None:
    app = open_app(page, m=TEXT, p="tied;cycle?stored=2")
    assert not app.exception and not app.error and len(app.title) == 1


@pytest.mark.parametrize("rows", ["flatten", "activation", "pool~reduce-max"])
def test_a_model_without_weights_is_shown_too(open_app: Open, rows: str) -> None:
    for page in ("", "savings", "checks"):
        app = open_app(page, m=f"layers?input=image-1-8-8&rows={rows}")
        assert not app.exception and not app.error, page


@pytest.mark.parametrize("bad", ["layers?rows=linar", "layers?rows=" + "linear~" * 500])
def test_a_link_to_a_table_that_cannot_be_falls_back_with_a_word(open_app: Open, bad: str) -> None:
    app = open_app(m=bad)
    assert not app.exception and len(app.title) == 1
    assert app.toast


def test_the_program_is_offered_for_ties_and_not_for_pieces() -> None:
    chosen = find(TEXT, {})
    for text, offered in (("", 1), ("tied;all", 1), ("low_rank?rank=2", 0)):
        after = Design.parse(text).plan(chosen.snapshot).apply(chosen.snapshot)
        exports = _program(chosen, after, text)
        assert len(exports) == offered
        assert all(b"class Layers" in one.make() for one in exports)
    assert not _program(find("siamese?", {}), find("siamese?", {}).snapshot, "")


def test_a_way_to_share_that_the_page_shows_is_kept_when_the_dialog_opens() -> None:
    app = run(sv_model=TEXT, sv_design="tied;cycle?stored=3")
    assert app.selectbox(key="sv_sharing").value == "cycle"
    next(button for button in app.button if button.label == "Use this model").click().run()
    assert app.session_state["sv_design"] == Design.parse("tied;cycle?stored=3").text
