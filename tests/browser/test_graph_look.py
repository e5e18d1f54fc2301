"""Unfolding and finding in a real browser: by click, by keyboard, by link, in light and dark, on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.test_graph import GRAPH, STAGE, drawn, until, view

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
BOXES = f"{STAGE} g.box"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def settled(page: Page, link: str, boxes: int) -> None:
    """Wait until the link and the picture say the same."""
    page.wait_for_url(link)
    page.wait_for_function(
        "([key, n]) => [...document.querySelectorAll(key)].some(host => {"
        " const all = []; const walk = node => { for (const one of node.querySelectorAll('*')) {"
        " if (one.matches('g.box')) all.push(one); if (one.shadowRoot) walk(one.shadowRoot); } };"
        " walk(host); return all.length === n; })",
        arg=[GRAPH, boxes],
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_click_unfolds_into_the_link_and_another_folds_again(open_page: Open, theme: str) -> None:
    page = drawn(open_page("/", theme=theme))
    page.locator(f'{STAGE} [data-fold="s0.1"]').click()
    settled(page, "**/?g=s0.1", 16)
    assert page.locator(f'{BOXES}[data-set="S3"]').count() == 4
    page.locator(f'{STAGE} [data-fold="-0"]').click()
    settled(page, "**/", 7)


def test_the_keyboard_unfolds_and_goes_on_in_the_opened_box(open_page: Open) -> None:
    page = drawn(open_page("/"))
    page.locator(f'{STAGE} [data-fold="s0.0"]').focus()
    page.keyboard.press("Enter")
    settled(page, "**/?g=s0.0", 16)
    page.keyboard.press(" ")
    page.wait_for_url("**/?g=s0.0_t0.0")
    page.locator(f"{STAGE} text", has_text="attention.q.weight").wait_for()


def test_a_link_opens_unfolded_and_a_reload_keeps_it(open_page: Open) -> None:
    page = drawn(open_page("/?g=s0.0_t0.1"))
    settled(page, "**/?g=s0.0_t0.1", 16)
    page.reload()
    settled(drawn(page), "**/?g=s0.0_t0.1", 16)


def test_the_first_request_to_a_server_may_be_an_unfolded_graph(
    open_page: Open, start_server: Callable[..., str]
) -> None:
    page = drawn(open_page("/?g=s0.2", base=start_server(SHAREVIZ_WARM="0")))
    settled(page, "**/?g=s0.2", 16)


def test_a_sign_opens_and_does_not_pick_the_set(open_page: Open) -> None:
    page = drawn(open_page("/"))
    page.locator(f'{STAGE} [data-fold="s0.0"]').click()
    page.wait_for_url("**/?g=s0.0")
    assert "s=S" not in page.url


def test_the_opened_box_stays_under_the_pointer(open_page: Open) -> None:
    page = drawn(open_page("/?g=s0.0"))
    page.locator(f'{STAGE} [data-fold="t0.2"]').scroll_into_view_if_needed()
    before = page.locator(f'{STAGE} [data-fold="t0.2"]').bounding_box()
    page.locator(f'{STAGE} [data-fold="t0.2"]').click()
    page.wait_for_url("**/?g=s0.0_t0.2")
    page.locator(f'{STAGE} [data-fold="t0.2"][aria-expanded="true"]').wait_for()
    after = page.locator(f'{STAGE} [data-fold="t0.2"]').bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 40


def test_a_search_lights_the_boxes_and_an_empty_one_says_so(open_page: Open) -> None:
    page = drawn(open_page("/"))
    field = page.locator(".st-key-sv_find input")
    field.fill("*.ffn.*")
    field.press("Enter")
    page.get_by_text("Found 24 modules").wait_for()
    until(lambda: page.locator(f"{GRAPH} .seek {BOXES.removeprefix(GRAPH)}.hit").count() == 3)
    field.fill("nowhere")
    field.press("Enter")
    page.get_by_text("Nothing has this in its name.").wait_for()
    assert page.locator(f"{BOXES}.hit").count() == 0


def test_on_a_phone_an_unfolded_graph_is_readable_full_screen(open_page: Open) -> None:
    page = open_page("/?g=s0.0", width=390)
    page.locator(f"{GRAPH} .open").click()
    assert view(page)[2] >= 0.95
    page.locator(f'{STAGE} [data-fold="-0"]').click()
    settled(page, "**/", 7)
    assert page.locator(f"{GRAPH} dialog").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate(SIDEWAYS) <= 0


def test_a_module_folded_by_depth_opens_into_a_frame_that_closes_it(open_page: Open) -> None:
    page = drawn(open_page("/?m=t5-small&g=d1"))
    sign = page.locator(f'{STAGE} .box [data-fold^="m"]').first
    mark = sign.get_attribute("data-fold")
    before = page.locator(BOXES).count()
    sign.click()
    page.wait_for_url(f"**g={mark}_d1*")
    until(lambda: page.locator(BOXES).count() > before)
    page.locator(f'{STAGE} [data-fold="{mark}"][aria-expanded="true"]').click()
    page.wait_for_url("**g=d1*")
    until(lambda: page.locator(BOXES).count() == before)
