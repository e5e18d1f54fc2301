"""The module graph in a real browser: it lights up with the map, moves, zooms and opens full screen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shareviz.graphs import fold
from shareviz.sets import shared_sets
from shareviz.ui import library

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
GRAPH, MAP, TABLE = ".st-key-sv_graph", ".st-key-sv_map", ".st-key-sv_sets"
STAGE = f"{GRAPH} .stage"


def drawn(page: Page) -> Page:
    """Return the page once its graph stands."""
    page.locator(f"{STAGE} > svg").wait_for()
    return page


def lit(page: Page, where: str, what: str) -> set[str]:
    """Return the ids of the elements of a component that are lit."""
    found = page.locator(f"{where} .dim {what}.on").evaluate_all("all => all.map(one => one.dataset.set)")
    return {one for sets in found for one in sets.split()}


def view(page: Page) -> tuple[float, float, float]:
    """Return where the picture stands: x, y and scale."""
    style = page.locator(f"{STAGE} > svg").evaluate("one => one.style.transform")
    x, y, k = (float(number) for number in re.findall(r"-?[\d.]+", style))
    return x, y, k


def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for what an event brings about; a wheel returns before the page has heard of it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def drag(page: Page, dx: int, dy: int) -> None:
    box = page.locator(STAGE).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + 60
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def test_the_graph_on_the_screen_has_the_boxes_and_sets_of_the_core(open_page: Open) -> None:
    page = drawn(open_page("/"))
    model = library.example(library.DEFAULT)
    assert page.locator(f"{STAGE} g.box").count() == len(fold(model).boxes)
    shown = page.locator(f"{STAGE} [data-set]").evaluate_all("all => all.map(one => one.dataset.set)")
    assert {one for sets in shown for one in sets.split()} == {one.id for one in shared_sets(model)}


def test_pointing_at_a_cell_of_the_map_lights_the_graph(open_page: Open) -> None:
    page = drawn(open_page("/"))
    page.locator(f'{MAP} .cell[data-set="S2"]').first.hover()
    assert lit(page, GRAPH, "g.box") == {"S2"}


def test_pointing_at_a_box_lights_map_and_table(open_page: Open) -> None:
    page = drawn(open_page("/"))
    page.locator(f'{STAGE} g.box[data-set="S3"]').hover()
    assert lit(page, GRAPH, "g.box") == lit(page, MAP, ".cell") == lit(page, TABLE, "tr") == {"S3"}
    page.mouse.move(2, 2)
    assert not lit(page, GRAPH, "g.box")


def test_pointing_at_a_tie_lights_both_ends(open_page: Open) -> None:
    page = drawn(open_page("/"))
    page.locator(f'{MAP} .bar[data-set="S1"]').first.hover()
    assert page.locator(f"{STAGE} g.box.on").count() == 2
    assert page.locator(f"{STAGE} g.tie.on").count() == 1


def test_a_click_keeps_the_set_and_writes_it_into_the_link(open_page: Open) -> None:
    page = drawn(open_page("/"))
    page.locator(f'{STAGE} g.box[data-set="S2"]').click()
    page.wait_for_url("**/?**s=S2**")
    page.mouse.move(2, 2)
    assert lit(page, GRAPH, "g.box") == {"S2"}


def test_a_link_to_a_set_opens_with_it_lit(open_page: Open) -> None:
    page = drawn(open_page("/?s=S4"))
    assert lit(page, GRAPH, "g.box") == {"S4"}


def test_dragging_moves_the_picture_and_picks_nothing(open_page: Open) -> None:
    page = drawn(open_page("/"))
    x, y, k = view(page)
    drag(page, 80, 40)
    assert view(page) == (pytest.approx(x + 80), pytest.approx(y + 40), k)
    assert "s=S" not in page.url


def test_the_buttons_zoom_and_fit_again(open_page: Open) -> None:
    page = drawn(open_page("/"))
    before = view(page)
    page.locator(f'{GRAPH} [data-do="in"]').click()
    assert view(page)[2] == pytest.approx(before[2] * 1.25)
    page.locator(f'{GRAPH} [data-do="fit"]').click()
    assert view(page) == pytest.approx(before, abs=0.6)


def test_the_wheel_scrolls_the_page_and_zooms_with_ctrl_only(open_page: Open) -> None:
    page = drawn(open_page("/"))
    page.locator(STAGE).hover(position={"x": 8, "y": 60})
    before = view(page)
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    page.mouse.wheel(0, 120)
    page.wait_for_function(f"{scrolled} > 0")
    assert view(page) == before
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    until(lambda: view(page)[2] > before[2])


def test_a_rerun_keeps_place_and_zoom(open_page: Open) -> None:
    page = drawn(open_page("/"))
    drag(page, 60, 30)
    moved = view(page)
    page.locator(f'{MAP} .cell[data-set="S3"]').first.click()
    page.wait_for_url("**/?**s=S3**")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    assert view(page) == moved


def test_the_keyboard_moves_and_zooms(open_page: Open) -> None:
    page = drawn(open_page("/"))
    x, _, k = view(page)
    page.locator(STAGE).focus()
    page.keyboard.press("ArrowRight")
    assert view(page)[0] == pytest.approx(x - 48)
    page.keyboard.press("+")
    assert view(page)[2] == pytest.approx(k * 1.25)


def test_on_a_phone_a_button_opens_it_full_screen(open_page: Open) -> None:
    page = open_page("/", width=390)
    assert not page.locator(STAGE).is_visible()
    page.locator(f"{GRAPH} .open").click()
    box = page.locator(STAGE).bounding_box()
    assert box
    assert (box["width"], box["height"]) == (390, 900)
    texts = page.locator(f"{STAGE} text")
    sizes = texts.evaluate_all("all => all.map(one => Number(one.getAttribute('font-size')))")
    assert min(sizes) * view(page)[2] >= 11
    page.keyboard.press("Escape")
    page.locator(f"{GRAPH} dialog").wait_for(state="hidden")
    assert not page.locator(STAGE).is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_takes_the_colours_of_the_theme(open_page: Open, theme: str) -> None:
    page = drawn(open_page("/", theme=theme))
    ink = page.locator(f"{STAGE} text").first.evaluate("one => getComputedStyle(one).fill")
    assert ink == {"light": "rgb(27, 36, 48)", "dark": "rgb(230, 233, 238)"}[theme]
    line = page.locator(f'{STAGE} g.box[data-set="S2"] path').first.evaluate(
        "one => getComputedStyle(one).stroke"
    )
    assert line == {"light": "rgb(209, 127, 0)", "dark": "rgb(231, 145, 29)"}[theme]


def test_the_keyboard_reaches_each_set_of_the_graph_and_a_reader_hears_it(open_page: Open) -> None:
    page = drawn(open_page("/"))
    chips = page.locator(f"{STAGE} .chip")
    said = chips.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert "S1, token table = output head, 2 uses, same object, in head" in said
    assert {label[:2] for label in said} == {"S1", "S2", "S3", "S4"}
    page.locator(f"{STAGE} .chip[data-set='S3']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/?s=S3")
    assert lit(page, MAP, ".cell") == {"S3"}
    heard = page.locator(f"{TABLE} [role=status]")
    until(lambda: heard.inner_text().startswith("S3, attention + feed-forward"))
