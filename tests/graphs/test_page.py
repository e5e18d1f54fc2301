"""What the page shows where the graph is late, refused or cannot be laid out at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shareviz.errors import SharevizError
from shareviz.ui import svgraph
from tests.graphs.snapshots import language_model

FOLDER = Path(svgraph.__file__).parent


def failing(code: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the layout fail with a code; return the list of DOT texts that it was asked for."""
    asked: list[str] = []

    def fail(dot: str) -> bytes:
        asked.append(dot)
        raise SharevizError("The layout failed.", code=code, hint="Do this.")

    monkeypatch.setattr(svgraph, "layout", fail)
    svgraph._laid_out.clear()
    return asked


def page() -> None:
    from shareviz.ui.svgraph import draw_graph
    from tests.graphs.snapshots import language_model

    draw_graph(language_model(2), key="g")


def shown() -> AppTest:
    app = AppTest.from_function(page).run(timeout=30)
    assert not app.exception
    return app


@pytest.fixture(autouse=True)
def _forget() -> None:
    from shareviz.ui import cache

    cache._kept.clear()


def test_a_late_graph_says_where_the_same_facts_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    failing("layout-timeout", monkeypatch)
    said = "The graph took too long to lay out. The map and the table show the same facts."
    assert [one.value for one in shown().markdown] == [said]


def test_no_rerun_waits_for_a_late_graph_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = failing("layout-timeout", monkeypatch)
    shown().run()
    assert len(asked) == 1


def test_a_missing_program_is_named_and_the_browser_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    failing("layout-missing", monkeypatch)
    app = shown()
    assert "Do this." in app.markdown[0].value
    assert len(app.get("graphviz_chart")) == 1


def test_the_component_gets_a_picture_and_no_selection() -> None:
    drawn = svgraph.drawing(language_model(2))
    assert drawn.svg.startswith("<svg")
    assert (drawn.code, drawn.why) == ("", "")
    assert not shown().markdown


def test_another_picture_has_another_mark() -> None:
    one, two, same = (svgraph.drawing(language_model(layers)).sig for layers in (2, 3, 2))
    assert one == same != two
