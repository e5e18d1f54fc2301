"""The curves of the savings page, run as Streamlit runs it."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from shareviz.models import snapshot_of
from shareviz.sweep import sweeps_of
from shareviz.ui.sweep_view import CARD, TURN, sweep_csv

TINY = "language_model?layers=6&width=16&heads=4&vocab=40&context=8"
Open = Callable[..., AppTest]


def test_curves_are_drawn_once_the_card_is_open_and_follow_the_number(open_app: Open) -> None:
    app = open_app("savings", m=TINY, p="tied;cycle")
    assert not [box for box in app.selectbox if box.key == TURN]
    app.session_state[CARD] = True
    app.run()
    assert not app.exception
    assert app.selectbox(key=TURN).value == "stored"
    app.selectbox(key=TURN).set_value("kv_heads").run()
    assert not app.exception
    assert app.selectbox(key=TURN).value == "kv_heads"


def test_a_model_without_a_number_to_turn_says_so(open_app: Open) -> None:
    app = open_app("savings", m="ring")
    app.session_state[CARD] = True
    app.run()
    assert not app.exception


def test_the_table_has_a_row_for_each_point() -> None:
    curves = sweeps_of("cycle", snapshot_of(TINY))
    head, *rows = sweep_csv(curves).decode("utf-8-sig").splitlines()
    assert head == "strategy,number,value,stored,used,acts like,extrapolated"
    points = curves[0].points
    assert [row.split(",")[:4] for row in rows] == [
        ["cycle", "stored", str(point.value), str(point.stored)] for point in points
    ]
