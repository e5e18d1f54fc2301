"""The Checks page: its title is the verdict, its findings can be repaired, its steps can be run."""

from __future__ import annotations

import json
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from shareviz.checks import check, title_of
from shareviz.jsonio import from_json, to_json
from shareviz.lock import check_lock, make_lock
from shareviz.trace import traced
from shareviz.ui import checks_view, compare_view, library, survival_view
from shareviz.ui.survival_view import columns_of
from tests.checks.toys import Block, Chain, Tied, rows, tokens

Open = Callable[..., AppTest]
SMALL = "language_model?layers=4&width=16&heads=2&vocab=32&context=8"


def said(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown)


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def titles(app: AppTest) -> list[str]:
    assert not app.exception
    return [title.value for title in app.title]


def test_every_example_has_the_title_that_the_core_says(open_app: Open) -> None:
    for name in library.examples():
        snapshot = library.example(name)
        app = open_app("checks", m=name)
        assert titles(app)[0].replace("\\", "") == title_of(check(snapshot), snapshot), name


def test_a_broken_example_opens_its_worst_finding_with_a_repair(open_app: Open) -> None:
    app = open_app("checks", m="broken-lost-tie")
    (finding,) = check(library.example("broken-lost-tie"))
    first = app.expander[0]
    assert first.proto.expanded
    assert "Problem" in first.label
    assert finding.fix in [code.value for code in app.code]


def test_a_model_in_order_offers_the_broken_example(open_app: Open) -> None:
    app = open_app("checks", m="gpt2-small")
    press(app, "Try the broken example")
    assert titles(app) == ["1 problem"]


def test_a_note_can_be_marked_as_intended(open_app: Open) -> None:
    app = open_app("checks", m="broken-repeated-layer")
    assert titles(app) == ["1 note"]
    press(app, "Mark as intended")
    assert titles(app) == ["The one shared set is as the code says"]
    assert "Marked as intended" in said(app)


def test_a_saved_example_says_why_nothing_runs_and_offers_a_small_model(open_app: Open) -> None:
    app = open_app("checks")
    assert "Not run: needs a live module" in said(app)
    press(app, "Run them on a small model")
    assert not app.exception
    assert "first breaks at *load, assign" in said(app)


def test_a_built_model_runs_the_steps_and_shows_how_to_tie_again(open_app: Open) -> None:
    app = open_app("checks", m=SMALL, p="tied;cycle?stored=2")
    press(app, "Run them")
    assert not app.exception
    assert "model.head.weight = model.tok_emb.weight" in [code.value for code in app.code]


def test_a_large_model_is_not_run(open_app: Open) -> None:
    app = open_app("checks", m="language_model", p="tied")
    assert "Not run: too large" in said(app)
    assert "Run them" not in [button.label for button in app.button]


def test_a_second_model_is_compared(open_app: Open) -> None:
    app = open_app("checks", m=SMALL, p="tied;cycle?stored=2")
    app.selectbox(key=compare_view.CHOICE).set_value("before").run()
    assert not app.exception
    assert "This model" in said(app)
    assert app.query_params["cmp"] in ("before", ["before"])


def test_the_link_names_the_second_model(open_app: Open) -> None:
    app = open_app("checks")
    app.query_params["cmp"] = "albert-base"
    app.run()
    assert app.selectbox(key=compare_view.CHOICE).value == "albert-base"


def test_sets_that_fare_alike_stand_in_one_column() -> None:
    from shareviz.survival import survive

    (column,) = columns_of(survive(Tied()))
    assert column[0] == "S1"
    mixed = Chain([Block(), Block(), Block()])
    mixed.blocks[1].lin.weight = mixed.blocks[0].lin.weight
    mixed.blocks[2].lin.bias = mixed.blocks[0].lin.bias
    (pair,) = columns_of(survive(mixed))
    assert pair[0] == "S1, S2"


def test_findings_can_be_taken_along_as_markdown_and_json() -> None:
    found = check(traced(Chain([Block(norm=True)] * 3), rows()))
    text = checks_view.markdown("a *model*", found).decode()
    assert text.startswith("## Sharing in a \\*model\\*")
    assert text.count("```python") == len(found)
    assert json.loads(checks_view.as_json(found))[0]["level"] == "problem"


def test_the_lock_of_the_page_holds_the_model_to_itself() -> None:
    snapshot = from_json(to_json(traced(Tied(), tokens())))
    assert check_lock(snapshot, make_lock(snapshot))[0].level == "ok"


def test_the_small_model_is_small_enough_to_run() -> None:
    model, _ = survival_view.SMALL
    assert sum(slot.numel for slot in library.built(model).tensors) < survival_view.LIMIT
