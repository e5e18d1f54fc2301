"""The guide on the Learn page, run as Streamlit runs it."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from shareviz.guide import Situation, guide
from shareviz.models import snapshot_of
from shareviz.text import clean

TINY = "language_model?layers=6&width=16&heads=4&vocab=400&context=8"
Open = Callable[..., AppTest]


def guided(open_app: Open, text: str, model: str = TINY) -> AppTest:
    app = open_app("learn", m=model)
    app.query_params["guide"] = text
    app.run()
    assert not app.exception
    return app


def heads(app: AppTest) -> list[str]:
    return [one.value for one in app.header]


def test_a_link_opens_the_guide_in_the_order_of_the_core(open_app: Open) -> None:
    app = guided(open_app, "language-model~disk~kv")
    found = guide(snapshot_of(TINY), Situation("language-model", ("disk", "kv")))
    titles = [one.rule.title for one in found if not one.why_not]
    assert [head.replace("\\", "").partition(". ")[2] for head in heads(app)] == titles
    assert app.title[0].value.startswith("Language model: start with")
    assert any("shares no cache" in info.value for info in app.info)
    weights = next(line for line in found[0].lines if line.after.key == "weights")
    assert any(clean(weights.after.shown) in text.value for text in app.markdown)


def test_what_hurts_changes_the_order_and_the_link(open_app: Open) -> None:
    app = guided(open_app, "language-model~disk")
    first = heads(app)[0]
    app.pills(key="sv_guide_hurts").set_value(["speed"]).run()
    assert heads(app)[0] != first
    assert app.query_params["guide"] in ("language-model~speed", ["language-model~speed"])
    assert any("FLOPs and latency stay" in info.value for info in app.info)
    app.pills(key="sv_guide_hurts").set_value([]).run()
    assert not app.exception
    assert app.title[0].value == "Language model: say what hurts"


def test_the_button_opens_the_plan_in_savings(open_app: Open) -> None:
    app = guided(open_app, "language-model~kv")
    app.button(key="sv_guide_open_kv-layers").click().run()
    assert not app.exception
    assert app.session_state["a"] == "kv_layers=2"
    app = guided(open_app, "language-model~disk")
    app.button(key="sv_guide_open_sandwich").click().run()
    assert app.session_state["sv_design"] == "sandwich"


def test_another_situation_can_be_measured_on_an_example(open_app: Open) -> None:
    app = guided(open_app, "two-sided~disk")
    assert not [one for one in app.button if one.key == "sv_guide_open_tower"]
    app.segmented_control(key="sv_guide_on").set_value("an example").run()
    app.button(key="sv_guide_open_tower").click().run()
    assert not app.exception
    assert str(app.session_state["sv_model"]).startswith("siamese")


def test_a_link_that_says_no_situation_shows_the_open_models(open_app: Open) -> None:
    app = guided(open_app, "nonsense")
    assert app.title[0].value.startswith("Language model")
