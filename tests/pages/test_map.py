"""The map page keeps its promise: one title that is the answer, and numbers that are the core's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from shareviz.design import Design
from shareviz.headline import headline
from shareviz.models import snapshot_of
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import count
from shareviz.ui import bar, library

Open = Callable[..., AppTest]

SMALL = "language_model?layers=4&width=32&heads=4&vocab=50&context=16"
CYCLE = "tied;cycle?stored=2"


def numbers(snapshot: Snapshot) -> list[str]:
    counts = tally(snapshot)
    return [count(n) for n in (counts.stored, counts.used, counts.non_embedding, counts.trainable)]


def check(app: AppTest, snapshot: Snapshot) -> None:
    assert not app.exception
    assert [title.value for title in app.title] == [headline(snapshot)]
    assert [metric.value for metric in app.metric] == numbers(snapshot)


def test_the_first_page_shows_the_default_example(open_app: Open) -> None:
    app = open_app()
    check(app, library.example(library.DEFAULT))
    assert not app.toast


@pytest.mark.parametrize("name", library.examples())
def test_every_example_opens_with_the_cores_numbers(open_app: Open, name: str) -> None:
    check(open_app(m=name), library.example(name))


def test_a_link_builds_a_model_and_applies_its_design(open_app: Open) -> None:
    before = snapshot_of(SMALL)
    app = open_app(m=SMALL, p=CYCLE)
    check(app, Design.parse(CYCLE).plan(before).apply(before))
    assert app.title[0].value == "4 layers, 2 stored blocks"


@pytest.mark.parametrize(
    "keys",
    [
        {"m": "no_such_model"},
        {"m": "language_model?layers=1e9"},
        {"m": "../../etc/passwd"},
        {"p": "no_such_strategy"},
        {"p": "z:AAAA"},
        {"nonsense": "1"},
    ],
)
def test_what_a_link_says_wrong_is_dropped_with_one_word(open_app: Open, keys: dict[str, str]) -> None:
    app = open_app(**keys)
    check(app, library.example(library.DEFAULT))
    (key,) = keys
    assert len(app.toast) == 1
    assert app.toast[0].value.startswith(f"Ignored: {key}")


def test_a_link_to_an_upload_says_what_to_do(open_app: Open) -> None:
    app = open_app(m="upload")
    said = " ".join(element.value for element in app.markdown)
    assert "This link points to an uploaded model. Uploads are not kept." in said
    assert [title.value for title in app.title] == ["This model is not here"]
    next(button for button in app.button if button.label == "Show an example").click().run()
    check(app, library.example(library.DEFAULT))


def test_a_set_of_the_link_is_lit_and_told_in_detail(open_app: Open) -> None:
    app = open_app(m=SMALL, p=CYCLE, s="S2")
    assert "S2 in detail" in [heading.value for heading in app.header]
    assert "blocks.2.attention.q.weight" in app.code[0].value.splitlines()


def test_a_set_that_is_not_there_goes_out(open_app: Open) -> None:
    app = open_app(m=SMALL, p=CYCLE, s="S99")
    assert not [heading for heading in app.header if "detail" in heading.value]
    assert "s" not in app.query_params


def test_pills_keep_a_set_lit_and_the_link_follows(open_app: Open) -> None:
    app = open_app(m=SMALL, p=CYCLE)
    app.pills[0].set_value("S1").run()
    assert app.query_params["s"] == "S1"
    assert "S1 in detail" in [heading.value for heading in app.header]


def test_unsharing_opens_savings_with_every_name_apart(open_app: Open) -> None:
    app = open_app(m=SMALL, p=CYCLE, s="S1")
    next(button for button in app.button if button.label == "Unshare in Savings").click().run()
    before = snapshot_of(SMALL)
    after = Design.parse(app.session_state["sv_design"]).plan(before).apply(before)
    assert tally(after).stored == tally(Design.parse("cycle?stored=2").plan(before).apply(before)).stored


def test_where_nothing_is_shared_the_page_says_so_and_shows_a_way_on(open_app: Open) -> None:
    app = open_app(m=SMALL)
    assert "Nothing is shared here. Every tensor has one user." in [one.value for one in app.markdown]
    assert "See what sharing would save" in [button.label for button in app.button]


def test_every_download_can_be_made(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: dict[str, Callable[[], bytes]] = {}
    monkeypatch.setattr(
        bar,
        "draw_downloads",
        lambda menu, exports: offered.update({one.file_name: one.make for one in exports}),
    )
    open_app(m=SMALL, p=CYCLE)
    starts: dict[str, bytes | tuple[bytes, ...]] = {
        ".png": b"\x89png",
        ".svg": b"<",
        ".dot": b"digraph",
        ".csv": b"\xef\xbb\xbfset,what",
    }
    starts |= {".html": b"<!doctype html>", ".json": (b"{", b"[")}
    assert {f".{name.rpartition('.')[2]}" for name in offered} == set(starts)
    for name, make in offered.items():
        assert make().lower().startswith(starts[f".{name.rpartition('.')[2]}"]), name
