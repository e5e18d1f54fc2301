"""The savings page in a real browser, on the example that is drawn first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shareviz.design import Design
from shareviz.ledger import ledger
from shareviz.sharing import tally
from shareviz.text import count
from shareviz.ui import library

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
LEDGER, BARS = ".st-key-sv_ledger", ".st-key-sv_bars"


def title(page: Page, words: str) -> None:
    """Wait for a title that holds these words."""
    page.locator("h1", has_text=words).wait_for()


def test_the_numbers_on_the_screen_are_the_cores(open_page: Open) -> None:
    page = open_page("/savings")
    seen = library.example(library.DEFAULT)
    title(page, f"stores {count(tally(seen).stored)} instead of")
    page.locator(f"{LEDGER} td.value").first.wait_for()
    shown = page.locator(f"{LEDGER} td.value").evaluate_all("all => all.map(one => one.firstChild.data)")
    assert shown == [row.shown for row in ledger(seen).rows]


def test_a_pill_and_a_bar_choose_the_plan_that_the_link_keeps(open_page: Open) -> None:
    page = open_page("/savings")
    page.get_by_test_id("stButtonGroup").first.get_by_text("All layers", exact=True).click()
    title(page, "All layers store 46.5 M instead of 163.0 M")
    page.wait_for_url(re.compile("p=apart%3Btied%3Ball"))
    seen = library.example(library.DEFAULT)
    after = Design.parse("apart;tied;all").plan(seen).apply(seen)
    assert count(tally(after).stored) == "46.5 M"
    # the four parts of nothing shared come first, then those of the tied embeddings
    page.locator(f"{BARS} .mark-rect.role-mark path").nth(4).click()
    title(page, "Tied embeddings store 124.4 M")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_scrolls_sideways_and_nothing_is_cut(open_page: Open, width: int, theme: str) -> None:
    page = open_page("/savings", width=width, theme=theme)
    page.locator(f"{LEDGER} td.value").first.wait_for()
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= width
    cut = page.locator(f"{LEDGER} td, {LEDGER} th").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    )
    assert cut == []


def test_a_link_with_the_strategy_alone_opens_it(open_page: Open) -> None:
    page = open_page("/savings?st=sandwich")
    title(page, "Sandwich stores 60.7 M instead of 163.0 M")


def test_a_row_of_the_table_chooses_its_strategy(open_page: Open) -> None:
    page = open_page("/savings")
    table = page.locator(".st-key-sv_ways .dvn-scroller").first
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # the canvas draws itself
    # the box before the ninth row: all layers
    table.click(position={"x": 16, "y": 35 * 9 + 18})
    title(page, "All layers store 46.5 M instead of 163.0 M")
    page.wait_for_url(re.compile("p=apart%3Btied%3Ball"))


def test_one_cache_for_two_layers_halves_the_row_of_the_cache_alone(open_page: Open) -> None:
    page = open_page("/savings?p=&a=kv_layers%3D2")
    page.locator(f"{LEDGER} td.value").first.wait_for()
    rows = page.locator(f"{LEDGER} tr", has_text="KV cache").inner_text()
    assert "18.0 KiB / token" in rows  # of 36.0: 2 · 12 layers · 768 · 2 bytes
    assert "÷2.0" in rows
    assert "same" in page.locator(f"{LEDGER} tr", has_text="FLOPs").inner_text()
