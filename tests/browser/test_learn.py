"""The Learn page in a browser: a lesson by its link, its picture, and the way to the map."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shareviz.lessons import headline, lessons

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIDEWAYS = "() => document.querySelector('[data-testid=stMain]').scrollWidth - innerWidth"


@pytest.mark.parametrize("width", [390, 1280])
def test_the_cards_stand_without_a_sideways_scroll(open_page: Callable[..., Page], width: int) -> None:
    page = open_page("/learn", width=width)
    assert page.locator("h1").inner_text() == headline()
    page.locator(".st-key-sv_mini_space .tile").first.wait_for()
    assert page.locator(".mini").count() == len(lessons())
    assert page.evaluate(SIDEWAYS) <= 0


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_a_link_opens_a_lesson_at_a_value_with_its_picture(
    open_page: Callable[..., Page], width: int, theme: str
) -> None:
    page = open_page("/learn?l=time&steps=20", width=width, theme=theme)
    shown = lessons()["time"].show(20)
    assert page.locator("h1").inner_text() == shown.title
    tiles = page.locator(".st-key-sv_lesson_time .tile")
    tiles.first.wait_for()
    assert tiles.count() == 40
    assert page.locator(".st-key-sv_lesson_time .shared").count() == 20
    assert shown.bars[0].word in page.locator(".st-key-sv_lesson_time .bars").inner_text()
    assert page.evaluate(SIDEWAYS) <= 0


def test_open_in_map_shows_the_lesson_there(open_page: Callable[..., Page]) -> None:
    page = open_page("/learn?l=tables")
    page.get_by_role("button", name="Open in Map").click()
    page.get_by_text("The output head is the token table").first.wait_for(timeout=30_000)
    assert "p=tied" in page.url


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_the_guide_measures_the_open_model_and_opens_savings(
    open_page: Callable[..., Page], width: int, theme: str
) -> None:
    page = open_page("/learn?guide=language-model~kv", width=width, theme=theme)
    assert page.locator("h1").inner_text().startswith("Language model: start with")
    first = page.locator(".st-key-sv_guide_kv-layers")
    assert "36.0 KiB / token to 18.0 KiB / token" in first.inner_text()
    assert "shares no cache" in page.get_by_test_id("stAlert").first.inner_text()
    assert page.evaluate(SIDEWAYS) <= 0
    first.get_by_role("button", name="Open in Savings").click()
    page.locator(".st-key-sv_ledger tr", has_text="KV cache").wait_for(timeout=30_000)
    assert "÷2.0" in page.locator(".st-key-sv_ledger tr", has_text="KV cache").inner_text()
