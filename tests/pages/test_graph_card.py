"""The controls of the graph: what is open stands in the link, and a link opens it at the first request."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from shareviz.ui import findbar, graphcard, graphlook, svgraph

Open = Callable[..., AppTest]
SMALL = "language_model?layers=4&width=32&heads=4&vocab=50&context=16"


def picture(app: AppTest) -> dict[str, object]:
    """Return what the graph's component was given."""
    assert not app.exception
    (one,) = (e for e in app.get("bidi_component") if "svgraph" in e.proto.component_name)
    data: dict[str, object] = json.loads(one.proto.json)
    return data


def opened(app: AppTest) -> list[str]:
    return list(app.multiselect(key=graphcard.OPEN).value)


def test_a_link_opens_its_boxes_at_the_first_request(open_app: Open) -> None:
    app = open_app(m=SMALL, g="s0.0_t0.2")
    svg = str(picture(app)["svg"])
    assert "blocks 3" in svg
    assert "attention.q.weight" in svg
    assert opened(app) == ["s0.0", "t0.2"]
    assert app.query_params["g"] == "s0.0_t0.2"


def test_unfolding_by_the_list_is_written_into_the_link_and_back(open_app: Open) -> None:
    app = open_app(m=SMALL)
    assert "g" not in app.query_params
    app.multiselect(key=graphcard.OPEN).set_value(["s0.0"]).run()
    assert app.query_params["g"] == "s0.0"
    assert 'aria-label="Open blocks 3"' in str(picture(app)["svg"])
    app.multiselect(key=graphcard.OPEN).set_value([]).run()
    assert "g" not in app.query_params
    assert "blocks 0–3" in str(picture(app)["svg"])


def test_arrows_and_own_tensors_are_turned_off_in_the_link(open_app: Open) -> None:
    app = open_app(m=SMALL)
    app.toggle(key=graphcard.FLOW).set_value(False).run()
    app.toggle(key=graphcard.OWN).set_value(False).run()
    assert app.query_params["g"] == "noflow_noown"
    assert 'class="edge flow"' not in str(picture(app)["svg"])
    assert "feed-forward" not in str(picture(app)["svg"])


def test_what_opens_nothing_leaves_the_link_and_what_says_nothing_is_named(open_app: Open) -> None:
    app = open_app(m=SMALL, g="s7.0_<b>_t0.9999")
    assert "g" not in app.query_params
    assert [toast.value for toast in app.toast] == [r"Ignored: g=\<b\>"]


def test_another_model_starts_closed(open_app: Open) -> None:
    app = open_app(m=SMALL, g="s0.0")
    app.session_state["sv_model"] = "language_model?layers=3&width=32&heads=4&vocab=50&context=16"
    app.run()
    assert opened(app) == []


def test_a_budget_that_folds_further_is_said_beside_the_picture(open_app: Open) -> None:
    app = open_app(m=SMALL.replace("layers=4", "layers=96"), g="s0.0")
    said = [one.value for one in app.markdown]
    assert "blocks: 54 layers drawn one by one, 42 more told as one box." in said


def test_a_search_tells_the_boxes_and_an_empty_one_says_so(open_app: Open) -> None:
    app = open_app(m=SMALL)
    assert picture(app)["found"] is None
    app.text_input(key=findbar.KEY).set_value("emb").run()
    assert picture(app)["found"] == ["g-n0", "g-n1"]
    assert "Found 2 modules and 2 tensors." in [one.value for one in app.markdown]
    app.text_input(key=findbar.KEY).set_value("<b>").run()
    assert picture(app)["found"] == []
    assert "Nothing has this in its name." in [one.value for one in app.markdown]


def given(app: AppTest, name: str) -> dict[str, object]:
    """Return what a component of the page was given."""
    assert not app.exception
    (one,) = (e for e in app.get("bidi_component") if e.proto.component_name.endswith(name))
    data: dict[str, object] = json.loads(one.proto.json)
    return data


def test_one_search_lights_graph_map_and_table_and_stands_in_the_link(open_app: Open) -> None:
    app = open_app(m=SMALL, q="*.q.weight")
    assert app.text_input(key=findbar.KEY).value == "*.q.weight"
    assert picture(app)["found"] == ["g-n2"]
    cells = given(app, "svmap")["map"]["sections"][0]["cells"]  # type: ignore[index]
    hits = given(app, "svmap")["found"]
    said = [(cells[n - 2]["label"].partition(" · ")[2], row) for n, row in hits]  # type: ignore[attr-defined]
    assert said == [("attention · q · own", row) for row in range(4)]
    assert given(app, "svtable")["found"] == [""]
    app.text_input(key=findbar.KEY).set_value("").run()
    assert "q" not in app.query_params
    assert given(app, "svmap")["found"] is None


def test_a_link_hides_the_graph_and_a_button_brings_it_back(open_app: Open) -> None:
    app = open_app(m=SMALL, g="s0.0_off")
    assert not [e for e in app.get("bidi_component") if "svgraph" in e.proto.component_name]
    assert app.query_params["g"] == "s0.0_off"
    app.button(key=graphcard.SHOW).click().run()
    assert "blocks 3" in str(picture(app)["svg"])
    assert app.query_params["g"] == "s0.0"
    app.button(key=graphcard.HIDE).click().run()
    assert app.query_params["g"] == "s0.0_off"


def test_modules_are_folded_by_a_depth_that_stands_in_the_link(open_app: Open) -> None:
    app = open_app(m="t5-small")
    plain = str(picture(app)["svg"]).count('class="node box')
    app.segmented_control(key=graphcard.DEPTH).set_value(1).run()
    assert app.query_params["g"] == "d1"
    assert str(picture(app)["svg"]).count('class="node box') < plain
    for depth in (1, 7):
        assert open_app(m="t5-small", g=f"d{depth}").segmented_control(key=graphcard.DEPTH).value == depth


def test_g_on_is_the_usual_graph(open_app: Open) -> None:
    app = open_app(m=SMALL, g="on")
    assert "blocks 0–3" in str(picture(app)["svg"])
    assert "g" not in app.query_params


def test_a_click_on_a_sign_turns_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"g": SimpleNamespace(get={"folded": "s0.0"}.get), graphlook.KEY: ("m", "")}
    monkeypatch.setattr(st, "session_state", said)
    monkeypatch.setattr(st, "query_params", {})
    monkeypatch.setattr(graphlook.state, "model", lambda: "m")
    svgraph.turn("g")
    assert said[graphlook.KEY] == ("m", "s0.0")
    svgraph.turn("g")
    assert said[graphlook.KEY] == ("m", "")
