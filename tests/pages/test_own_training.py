"""Training the model of the page: chosen where it fits, and refused in words, with a click that mends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from shareviz.training.fit import asked, misfit
from shareviz.training.tasks import find_task, tasks

Open = Callable[..., AppTest]
FITS = "layers?input=tokens-16&rows=embedding-3-8~block-2-x4~head-3"
SHORT = "layers?rows=embedding-100-8~positions~block-2-x2~head-100"


def on_own(open_app: Open, **keys: str) -> AppTest:
    app = open_app("training", **keys)
    app.button_group(key="mod").set_value("own").run()
    assert not app.exception and not app.error
    return app


def said(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown)


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


def test_a_model_that_fits_offers_its_own_versions_and_the_plan_that_is_drawn(open_app: Open) -> None:
    app = on_own(open_app, m=FITS, p="cycle?stored=2")
    pills = app.button_group(key="v_brackets_own")
    assert pills.value == ["none", "all", "cycle2", "one", "cycle?stored=2"]
    assert not button(app, "Run").disabled  # type: ignore[attr-defined]


def test_a_model_that_does_not_fit_says_why_and_a_click_mends_it(open_app: Open) -> None:
    app = on_own(open_app, m=SHORT, p="tied;cycle?stored=1")
    assert "Brackets gives 16 tokens and asks for 3 classes at each of 16 places" in said(app)
    assert button(app, "Run").disabled  # type: ignore[attr-defined]
    button(app, "Fit it to this task").click().run()  # type: ignore[attr-defined]
    text = app.session_state["sv_model"]
    assert text == "layers?input=tokens-16&rows=embedding-3-8~positions~block-2-x2~head-3"
    assert misfit(find_task("brackets"), text) == ""
    assert app.session_state["sv_design"] == "tied;cycle?stored=1"
    assert not app.exception and not button(app, "Run").disabled  # type: ignore[attr-defined]


@pytest.mark.parametrize("task", [name for name in tasks() if asked(name)])
def test_where_no_model_fits_one_is_built_for_the_task(open_app: Open, task: str) -> None:
    app = open_app("training")
    app.button_group(key="task").set_value(task).run()
    app.button_group(key="mod").set_value("own").run()
    assert "Only a model that was built here can be trained" in said(app)
    button(app, "Build one for this task").click().run()  # type: ignore[attr-defined]
    assert not app.exception and not app.error
    assert misfit(find_task(task), app.session_state["sv_model"]) == ""
    assert not button(app, "Run").disabled  # type: ignore[attr-defined]


def test_what_savings_sends_is_trained_on_its_own_model_where_that_fits(open_app: Open) -> None:
    app = open_app("savings", m=FITS, p="tied;cycle?stored=2")
    button(app, "Test in Training").click().run()  # type: ignore[attr-defined]
    app.switch_page("pages/training.py").run()
    assert app.button_group(key="mod").value == "own"
    assert "tied;cycle?stored=2" in app.button_group(key="v_brackets_own").value
