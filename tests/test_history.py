"""Undo, redo and reset of a design's text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shareviz.history import MOST, History


def test_undo_and_redo_walk_the_steps() -> None:
    at = History("a", "a").then("b").then("c")
    assert at.undo().now == "b" and at.undo().undo().now == "a"
    assert at.undo().undo().undo() == at.undo().undo()
    assert at.undo().redo() == at == at.redo()


def test_a_new_step_forgets_what_was_undone() -> None:
    at = History("a").then("b").undo().then("c")
    assert at.redo() == at and at.undo().now == "a"


def test_a_step_that_changes_nothing_is_none() -> None:
    at = History("a").then("b").undo()
    assert at.then("a") == at


def test_reset_goes_to_the_last_design_from_elsewhere_and_can_be_undone() -> None:
    at = History("a", "a").then("b").moved("pill").then("c").then("d")
    assert at.reset().now == "pill"
    assert at.reset().undo().now == "d"
    assert at.moved("d") == at


@given(st.lists(st.text(max_size=3), max_size=60))
def test_twenty_steps_are_kept_and_no_more(texts: list[str]) -> None:
    at = History()
    for text in texts:
        at = at.then(text)
    assert len(at.past) <= MOST
    now = at.now
    for _ in range(30):
        at = at.undo()
    for _ in range(30):
        at = at.redo()
    assert at.now == now and len(at.past) <= MOST
