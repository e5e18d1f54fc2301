"""The table of strategies and the sharing of keys and values, run as Streamlit runs them."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from shareviz.ui.estimates_view import ALL
from shareviz.ui.ways_view import FILTER

TINY = "language_model?layers=6&width=16&heads=4&vocab=400&context=8"
Open = Callable[..., AppTest]


def test_the_table_holds_every_way_and_narrows_to_words(open_app: Open) -> None:
    app = open_app("savings", m=TINY, p="tied;cycle")
    (table,) = app.dataframe
    titles = list(table.value["title"])
    assert "Cycle 3 (this plan)" in titles
    assert any(title.startswith("LoRA") for title in titles)
    assert titles[-1] in ("One tower", "One trunk", "One cell", "Convolution")
    assert str(table.value["effect"].iloc[-1]).startswith("Does not apply: ")
    app.text_input(key=FILTER).set_value("sandwich").run()
    assert not app.exception
    assert next(iter(app.dataframe[0].value["title"])).startswith("Sandwich")
    app.text_input(key=FILTER).set_value("no such words").run()
    assert not app.dataframe
    assert any("No strategy holds these words" in text.value for text in app.markdown)


def test_sharing_keys_and_values_changes_the_link_and_not_the_title(open_app: Open) -> None:
    app = open_app("savings", m=TINY)
    title = app.title[0].value
    app.select_slider(key="sv_assume_kv_layers").set_value(2).run()
    assert not app.exception
    assert app.session_state["a"] == "kv_layers=2"
    assert app.title[0].value == title


def test_a_model_without_a_cache_has_no_such_control(open_app: Open) -> None:
    app = open_app("savings", m="vit?layers=3&width=16&heads=4", a="kv_layers=2")
    assert not app.exception
    assert not [one for one in app.select_slider if one.key == "sv_assume_kv_layers"]


def test_every_value_of_every_number_joins_the_estimates_on_wish(open_app: Open) -> None:
    app = open_app("savings", m=TINY)
    app.toggle(key=ALL).set_value(True).run()
    assert not app.exception
