"""Looking for lost ties on the Checks page: only when asked, only where the values are at hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from shareviz.formats import Upload, load
from shareviz.ui import lost_ties_view, state
from tests.checks.test_lost_tie import Doubled

Open = Callable[..., AppTest]
REF = "upload:0123456789abcdef"


def opened(open_app: Open, *, kept: bool = True) -> AppTest:
    torch.manual_seed(0)
    upload = Upload("doubled.safetensors", save(Doubled().state_dict()))
    app = open_app("checks")
    app.session_state[state.UPLOADS] = {REF: load(upload)}
    app.session_state[state.MODEL] = REF
    if kept:
        app.session_state[state.FILES] = {REF: state.Kept((upload,))}
    return app.run()


def texts(app: AppTest) -> str:
    assert not app.exception
    return " ".join(element.value for element in app.markdown)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_the_title_counts_a_lost_tie_once_it_was_looked_for(open_app: Open) -> None:
    app = opened(open_app)
    assert app.title[0].value == "Nothing is shared, and nothing is wrong"
    assert "7 checks ran" in texts(app)
    app.button(key=lost_ties_view.LOOK).click().run()
    assert app.title[0].value == "1 note"
    assert "8 checks ran" in texts(app)
    assert "frees 400 parameters" in texts(app)  # 50 · 8
    assert "24 tensors hold one value throughout" in texts(app)
    assert any("model.head.weight = model.emb.weight" in code.value for code in app.code)
    assert "Look for lost ties" not in labels(app)


def test_bytes_that_were_not_kept_are_said_and_not_asked_for(open_app: Open) -> None:
    app = opened(open_app, kept=False)
    assert "the values are not at hand" in texts(app)
    assert "shareviz check FILE --values" in texts(app)
    assert "Look for lost ties" not in labels(app)


def test_an_example_says_that_it_holds_no_values(open_app: Open) -> None:
    app = open_app("checks", m="gpt2-small")
    assert "a saved snapshot holds no values" in texts(app)


def test_only_small_files_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    session: dict[str, object] = {}
    monkeypatch.setattr(state.st, "session_state", session)
    upload = Upload("doubled.safetensors", save(Doubled().state_dict()))
    snapshot = load(upload)
    ref = state.keep_upload(snapshot, b"1", state.Kept((upload,)))
    assert state.kept(ref) is not None
    monkeypatch.setattr(state, "KEPT_BYTES", len(upload.data) - 1)
    ref = state.keep_upload(snapshot, b"2", state.Kept((upload,)))
    assert state.kept(ref) is None
    assert list(state.uploads()) == [ref]


def test_the_map_outlines_the_copies_that_were_found(open_app: Open) -> None:
    app = opened(open_app)
    app.button(key=lost_ties_view.LOOK).click().run()
    app.switch_page("pages/map.py").run()
    assert not app.exception
    captions = [caption.value for caption in app.caption]
    assert any("Outline: equal bytes in a storage of its own, so not shared." in said for said in captions)


def test_before_anybody_looked_the_map_outlines_nothing(open_app: Open) -> None:
    app = opened(open_app)
    app.switch_page("pages/map.py").run()
    assert not any("Outline" in caption.value for caption in app.caption)
