"""When a choice of the link is news: it arrived, or somebody went back to an address without it."""

from __future__ import annotations

import pytest
import streamlit as st

from shareviz.ui import linked


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return a session that stays on one page, with an empty address."""
    said: dict[str, object] = {linked.PAGE: "checks", linked.PAGE_BEFORE: "checks"}
    monkeypatch.setattr(st, "session_state", said)
    monkeypatch.setattr(st, "query_params", {})
    return said


def passed(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = linked.time.monotonic() + seconds
    monkeypatch.setattr(linked.time, "monotonic", lambda: now)


def test_going_back_to_an_address_without_the_key_resets_the_choice(
    session: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.write("cmp", "albert")
    session["box"] = "albert"
    st.query_params.clear()
    passed(monkeypatch, 60)
    linked.follow("cmp", "box", {"albert"})
    assert "box" not in session


def test_coming_from_another_page_is_no_going_back(
    session: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.write("cmp", "albert")
    session |= {"box": "albert", linked.PAGE_BEFORE: ""}
    st.query_params.clear()
    passed(monkeypatch, 60)
    linked.follow("cmp", "box", {"albert"})
    assert session["box"] == "albert"


def test_a_quick_click_may_still_bring_the_old_address(session: dict[str, object]) -> None:
    linked.write("cmp", "albert")
    session["box"] = "albert"
    st.query_params.clear()
    linked.follow("cmp", "box", {"albert"})
    assert session["box"] == "albert"


def test_what_arrives_is_taken_over_once(session: dict[str, object]) -> None:
    st.query_params["cmp"] = "albert"
    linked.follow("cmp", "box", {"albert"})
    assert session["box"] == "albert"
    linked.write("cmp", "albert")
    session["box"] = "gpt"
    linked.follow("cmp", "box", {"albert", "gpt"})
    assert session["box"] == "gpt"


def test_what_is_no_option_is_not_taken_over(session: dict[str, object]) -> None:
    st.query_params["cmp"] = "<b>"
    linked.follow("cmp", "box", {"albert"})
    assert "box" not in session
