"""The Learn page: a card for each lesson; in one, a computed title, a prediction and the way to the map."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from shareviz.lessons import headline, lessons
from shareviz.training.saved import saved_run
from shareviz.ui import learn_view

Open = Callable[..., AppTest]


def lesson(open_app: Open, name: str, **keys: str) -> AppTest:
    app = open_app("learn")
    app.query_params["l"] = name
    for key, value in keys.items():
        app.query_params[key] = value
    return app.run()


def said(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown)


def title(app: AppTest) -> str:
    assert not app.exception
    (one,) = app.title
    return one.value.replace("\\", "")


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def test_the_page_opens_with_a_card_and_a_verdict_for_each_lesson(open_app: Open) -> None:
    app = open_app("learn")
    assert title(app) == headline()
    for one in lessons().values():
        assert one.verdict.value in said(app)
    assert [button.label for button in app.button].count("Open") == len(lessons())


@pytest.mark.parametrize("name", list(lessons()))
def test_every_lesson_opens_with_its_computed_answer(open_app: Open, name: str) -> None:
    app = lesson(open_app, name)
    one = lessons()[name]
    assert title(app) == one.show(one.option.default).title
    assert [header.value for header in app.header][:1] == ["Predict first"]
    assert app.query_params["l"] in (name, [name])


def test_a_card_opens_its_lesson(open_app: Open) -> None:
    app = open_app("learn")
    app.button(key="sv_open_time").click().run()
    assert title(app) == "One cell instead of 12 stores 946 parameters instead of 10,978"


def test_the_turn_changes_the_answer(open_app: Open) -> None:
    app = lesson(open_app, "time")
    app.slider(key="steps").set_value(20).run()
    assert title(app) == lessons()["time"].show(20).title


def test_the_turn_of_a_lesson_stands_in_the_link(open_app: Open) -> None:
    app = lesson(open_app, "depth", part="the whole model")
    assert title(app) == lessons()["depth"].show("the whole model").title


def test_nothing_is_revealed_before_a_guess(open_app: Open) -> None:
    app = lesson(open_app, "space")
    key = "sv_reveal_space"
    assert app.button(key=key).disabled
    right, why = lessons()["space"].predict.answer(16), lessons()["space"].predict.why(16)
    assert why not in said(app).replace("\\", "")
    app.radio(key="sv_guess_space").set_value(right).run()
    app.button(key=key).click().run()
    assert "Right:" in said(app)
    assert why in said(app).replace("\\", "")


def test_a_wrong_guess_is_told_the_right_one(open_app: Open) -> None:
    app = lesson(open_app, "tables")
    app.radio(key="sv_guess_tables").set_value("Both").run()
    app.button(key="sv_reveal_tables").click().run()
    assert "Not so: the parameters." in said(app)


@pytest.mark.parametrize("name", [name for name, one in lessons().items() if one.saved])
def test_a_saved_run_is_shown_where_a_lesson_has_one(open_app: Open, name: str) -> None:
    app = lesson(open_app, name)
    assert saved_run(lessons()[name].saved) is not None
    assert "Saved run" in said(app)


def test_the_map_opens_with_the_model_and_design_of_the_lesson(open_app: Open) -> None:
    app = lesson(open_app, "tables")
    app.button(key="sv_map_tables").click().run()
    assert not app.exception
    assert app.session_state["sv_model"] == "language_model?layers=2&width=512&heads=8&vocab=50000"
    assert app.session_state["sv_design"] == "tied"


def test_a_lesson_on_an_example_opens_that_example(open_app: Open) -> None:
    app = lesson(open_app, "depth", part=lessons()["depth"].option.choices[2])
    app.button(key="sv_map_depth").click().run()
    assert app.session_state["sv_model"] == "albert-base"


def test_an_unknown_lesson_in_the_link_shows_all(open_app: Open) -> None:
    assert title(lesson(open_app, "nowhere")) == headline()


def test_the_numbers_are_offered_as_a_table() -> None:
    one = lessons()["time"]
    text = learn_view.numbers_csv(one, 12, one.show(12)).decode()
    assert "time,12,Stored,parameters,10978,946" in text.splitlines()
