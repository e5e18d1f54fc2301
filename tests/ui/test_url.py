"""The link: what a page knows, and when the address is newer than the session."""

from __future__ import annotations

import pytest

from shareviz.ui.url import LONGEST, SETTLE_SECONDS, Written, adopts, link_of, unknown

NONE = ("", "", "")
OLD, NEW = ("gpt2", "", ""), ("gpt2", "", "S1")


def test_the_first_run_takes_what_the_address_says() -> None:
    assert adopts(OLD, None, 0.0)
    assert not adopts(NONE, None, 0.0)


def test_what_the_frame_wrote_itself_is_no_news() -> None:
    assert not adopts(NEW, Written(NEW, OLD, 0.0), 100.0)


def test_a_click_in_the_top_bar_drops_every_key_and_is_no_news() -> None:
    assert not adopts(NONE, Written(NEW, OLD, 0.0), 100.0)


def test_back_in_history_is_news() -> None:
    assert adopts(OLD, Written(NEW, OLD, 0.0), SETTLE_SECONDS + 1)


def test_an_address_that_was_just_replaced_may_arrive_once_more() -> None:
    assert not adopts(OLD, Written(NEW, OLD, 10.0), 10.5)


def test_a_value_that_is_too_long_counts_as_none() -> None:
    assert link_of({"m": "x" * (LONGEST + 1), "s": "S1"}) == ("", "", "S1")


@pytest.mark.parametrize(
    ("page", "known"), [("", "m p s"), ("savings", "st a"), ("training", "task job"), ("checks", "f cmp")]
)
def test_each_page_knows_its_keys_and_no_other(page: str, known: str) -> None:
    assert unknown([*known.split(), "what"], page) == ("what",)


def test_lessons_have_turns_of_their_own() -> None:
    assert unknown(["l", "shift"], "learn") == ()
