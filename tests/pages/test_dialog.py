"""Change model: each of the three ways chooses a model, and a bad file is one sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

from shareviz.capture import capture
from shareviz.errors import Part
from shareviz.formats import Upload
from shareviz.jsonio import to_json
from shareviz.sharing import tally
from shareviz.text import count
from shareviz.ui import library
from shareviz.ui.choose_file import found, labels, uploads
from tests.formats import samples

Open = Callable[..., AppTest]


def examples() -> None:
    from shareviz.ui.choose_example import draw_examples

    draw_examples()


def builder() -> None:
    from shareviz.ui.choose_build import draw_build

    draw_build()


def opener() -> None:
    import streamlit as st

    from shareviz.ui.choose_file import draw_file

    st.title("still here")
    draw_file()


def run(script: Callable[[], None]) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown)


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def tied() -> nn.Module:
    model = nn.ModuleDict({"table": nn.Embedding(7, 4), "head": nn.Linear(4, 7, bias=False)})
    model["head"].weight = model["table"].weight
    return model


def test_every_page_opens_the_dialog(open_app: Open) -> None:
    app = open_app()
    press(app, "Change model")
    assert not app.exception
    assert "Show" in [button.label for button in app.button]


def test_an_example_says_its_numbers_and_is_chosen() -> None:
    app = run(examples)
    name = library.examples()[-1]
    assert f"stores {count(tally(library.example(name)).stored)}" in said(app)
    app.button(key=f"sv_show_{name}").click().run()
    assert app.session_state["sv_model"] == name


def test_a_turn_changes_the_live_line_and_the_model() -> None:
    app = run(builder)
    app.slider(key="sv_turn_language_model_layers").set_value(2).run()
    app.number_input(key="sv_turn_language_model_width").set_value(48).run()
    text = "language_model?layers=2&width=48"
    assert f"stores {count(tally(library.built(text)).stored)}" in said(app)
    press(app, "Use this model")
    assert app.session_state["sv_model"] == text


def test_a_way_to_share_becomes_the_design() -> None:
    app = run(builder)
    app.selectbox(key="sv_sharing").set_value("tied").run()
    press(app, "Use this model")
    assert app.session_state["sv_design"] == "tied"


def test_values_that_do_not_go_together_are_one_sentence() -> None:
    app = run(builder)
    app.slider(key="sv_turn_language_model_heads").set_value(7).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "multiple of heads" in app.error[0].value


@pytest.mark.parametrize("family", ["conv_classifier", "encoder_decoder", "gru_classifier", "multitask"])
def test_every_family_can_be_built(family: str) -> None:
    app = run(builder)
    app.selectbox(key="sv_family").set_value(family).run()
    assert not app.exception
    assert not app.error
    press(app, "Use this model")
    assert app.session_state["sv_model"] == family


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
        ("empty.safetensors", b""),
        ("cut.safetensors", (1000).to_bytes(8, "little") + b'{"a"'),
        ("notes.txt", b"Dear diary"),
        ("../../evil.json", b"{}"),
    ],
)
def test_a_bad_file_is_one_sentence_and_the_page_goes_on(name: str, data: bytes) -> None:
    app = run(opener)
    app.file_uploader[0].upload(name, data, "application/octet-stream").run()
    assert not app.exception
    assert [title.value for title in app.title] == ["still here"]
    assert len(app.error) == 1
    assert app.error[0].value.endswith(".")
    assert "Traceback" not in app.error[0].value


def test_a_good_file_says_what_was_found_and_is_shown() -> None:
    app = run(opener)
    snapshot = to_json(capture(tied())).encode()
    app.file_uploader[0].upload("mine.shareviz.json", snapshot, "application/json").run()
    assert "2 tensors, 1 tie found" in said(app)
    press(app, "Show this model")
    assert app.session_state["sv_model"].startswith("upload:")


def upload(app: AppTest, file: Upload) -> None:
    app.file_uploader[0].upload(file.name, file.data, "application/octet-stream").run()
    assert not app.exception


def several(**models: nn.Module) -> Upload:
    return samples.pt({name: model.state_dict() for name, model in models.items()}, "both.pt")


def test_a_checkpoint_with_two_models_asks_which_and_shows_the_chosen_one() -> None:
    app = run(opener)
    upload(app, several(teacher=nn.Linear(2, 2), student=nn.Linear(2, 3, bias=False)))
    assert not app.error
    assert "**both.pt** holds more than one model." in said(app)
    which = app.radio(key="sv_pick")
    assert which.options == ["teacher · 2 tensors", "student · 1 tensor", "Everything in the file"]
    assert which.value is None and not app.button
    which.set_value("student · 1 tensor").run()
    assert not app.error
    assert "1 tensor, no ties found" in said(app)
    press(app, "Show this model")
    (snapshot,) = app.session_state["sv_uploads"].values()
    assert [tensor.name for tensor in snapshot.tensors] == ["weight"]
    (kept,) = app.session_state["sv_kept_files"].values()
    assert kept.pick == "student"


def test_everything_in_the_file_shows_what_two_models_share() -> None:
    twin = nn.Linear(2, 2)
    app = run(opener)
    upload(app, several(first=twin, second=twin))
    app.radio(key="sv_pick").set_value("Everything in the file").run()
    assert "4 tensors, 2 ties found" in said(app)


def test_more_models_than_fit_are_a_list() -> None:
    app = run(opener)
    upload(app, several(**{f"net{i}": nn.Linear(1, 1) for i in range(9)}))
    app.selectbox(key="sv_pick").set_value("net7 · 2 tensors").run()
    assert "Opened net7" in said(app)


def test_the_choice_of_one_file_is_not_that_of_the_next() -> None:
    app = run(opener)
    upload(app, several(a=nn.Linear(1, 1), b=nn.Linear(1, 1)))
    app.radio(key="sv_pick").set_value("b · 2 tensors").run()
    app.file_uploader[0].set_value([]).run()
    upload(app, samples.pt(tied().state_dict()))
    assert not app.error and not app.radio
    assert "2 tensors, 1 tie found" in said(app)


def test_names_of_parts_are_told_apart_and_stay_plain_text() -> None:
    parts = [Part("a" * 70, 1), Part("a" * 80, 1), Part("<b>*x*", 2)]
    shown = labels(parts)
    assert list(shown.values()) == [*(part.name for part in parts), "."]
    assert r"\<b\>\*x\* · 2 tensors" in shown


def test_files_are_read_index_first_then_weights_then_descriptions() -> None:
    sent = [("config.json", b"c"), ("model-00001.safetensors", b"w"), ("model.safetensors.index.json", b"i")]
    assert [upload.data for upload in uploads(sent)] == [b"i", b"w", b"c"]
    assert isinstance(uploads(sent)[0], Upload)


def test_ties_are_counted_in_words() -> None:
    assert found(capture(tied())) == "2 tensors, 1 tie found"
    assert found(capture(nn.Linear(2, 2))) == "2 tensors, no ties found"
