"""From the weights of a file to a shared one, on the Savings page."""

from __future__ import annotations

import io
from collections.abc import Callable

import torch
from streamlit.testing.v1 import AppTest

from shareviz.formats import Upload, load
from shareviz.models import build
from shareviz.ui import starts_view, state

Open = Callable[..., AppTest]
REF = "upload:0123456789abcdef"
MODEL = "language_model?layers=4&width=16&heads=4&ffn=2&vocab=24&context=8"


def opened(open_app: Open, design: str, *, kept: bool = True) -> AppTest:
    file = io.BytesIO()
    torch.save(build(MODEL, device="cpu", seed=0).state_dict(), file)
    upload = Upload("small.pt", file.getvalue())
    app = open_app("savings", p=design) if design else open_app("savings")
    app.session_state[state.UPLOADS] = {REF: load(upload)}
    app.session_state[state.MODEL] = REF
    if kept:
        app.session_state[state.FILES] = {REF: state.Kept((upload,))}
    return app.run()


def texts(app: AppTest) -> str:
    assert not app.exception
    return " ".join(element.value for element in app.markdown)


def keys(app: AppTest) -> list[str | None]:
    return [button.key for button in app.button]


def test_the_page_says_how_far_the_weights_move_and_what_chance_would(open_app: Open) -> None:
    app = opened(open_app, "all")
    assert "how far each would move" in texts(app)
    app.button(key=starts_view.LOOK).click().run()
    said = texts(app)
    assert "The weights move by 87 % of their norm" in said  # √(1 − 1/4) of what is unrelated
    assert "in common would move by 87 %" in said
    assert "do not say what to share" in said
    assert "Nearest neighbours: layers" in said
    assert "A correction for each layer would leave of its matrices: of rank 1" in said
    parts = app.dataframe[-1].value
    assert list(parts["Part"]) == ["Attention", "Feed-forward"]
    assert list(parts["Moved"]) == list(parts["Unrelated would"]) == ["87 %", "87 %"]


def test_the_nearest_neighbours_are_shared_at_a_press(open_app: Open) -> None:
    app = opened(open_app, "all")
    app.button(key=starts_view.LOOK).click().run()
    app.number_input(key=starts_view.STORED).set_value(3).run()
    app.button(key=starts_view.NEAREST).click().run()
    assert not app.exception
    assert "Own plan stores" in app.title[0].value
    assert "4 layers, 3 stored blocks" in texts(app)


def test_another_start_is_measured_when_asked(open_app: Open) -> None:
    app = opened(open_app, "all")
    app.button(key=starts_view.LOOK).click().run()
    app.segmented_control(key=starts_view.HOW).set_value(starts_view.Start.FIRST).run()
    assert "move by" not in texts(app).replace("would move", "")
    app.button(key=starts_view.LOOK).click().run()
    assert "move by 122 % of their norm" in texts(app)  # √(2 · 3/4)


def test_what_cannot_be_measured_says_why(open_app: Open) -> None:
    assert "Choose a strategy to see" in texts(opened(open_app, ""))
    app = opened(open_app, "all", kept=False)
    assert "The values are not at hand" in texts(app)
    assert starts_view.LOOK not in keys(app)
    assert "From these weights" not in [one.value for one in open_app("savings", m="gpt2-small").header]
