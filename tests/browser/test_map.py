"""The map page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shareviz.sets import shared_sets
from shareviz.sharing import tally
from shareviz.text import count
from shareviz.ui import library

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
MAP, TABLE, GRAPH = ".st-key-sv_map", ".st-key-sv_sets", ".st-key-sv_graph"


def lit(page: Page, where: str, what: str) -> set[str]:
    """Return the ids of the elements of a component that are lit."""
    return set(page.locator(f"{where} .dim {what}.on").evaluate_all("all => all.map(one => one.dataset.set)"))


def test_a_number_on_the_screen_is_the_cores(open_page: Open) -> None:
    page = open_page("/")
    shown = page.locator('[data-testid="stMetricValue"]').all_inner_texts()
    known = tally(library.example(library.DEFAULT))
    assert shown == [count(n) for n in (known.stored, known.used, known.non_embedding, known.trainable)]


def test_the_table_adds_up_on_the_screen(open_page: Open) -> None:
    page = open_page("/")
    titles = page.locator(f"{TABLE} td.n:nth-child(4)").evaluate_all("all => all.map(one => one.title)")
    *parts, total = (int(title.replace(",", "")) for title in titles)
    assert sum(parts) == total == tally(library.example(library.DEFAULT)).stored


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_scrolls_sideways(open_page: Open, width: int, theme: str) -> None:
    page = open_page("/?s=S1", width=width, theme=theme)
    page.locator(f"{MAP} .cell").first.wait_for()
    wide = (
        page.evaluate("document.documentElement.scrollWidth"),
        page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth"),
    )
    assert max(wide) <= width
    inner = page.locator(f"{MAP} .map").evaluate("one => [one.scrollWidth, one.clientWidth]")
    assert inner[0] <= inner[1] + 1


def test_pointing_at_a_cell_lights_map_graph_and_table_together(open_page: Open) -> None:
    page = open_page("/")
    page.locator(f"{GRAPH} svg [data-set]").first.wait_for()
    page.locator(f'{MAP} .cell[data-set="S2"]').first.hover()
    assert lit(page, MAP, ".cell") == {"S2"}
    assert lit(page, TABLE, "tr") == {"S2"}
    assert lit(page, GRAPH, "[data-set]") == {"S2"}
    page.mouse.move(5, 5)
    assert lit(page, MAP, ".cell") == set()


def test_pointing_at_a_line_of_the_table_lights_the_map(open_page: Open) -> None:
    page = open_page("/")
    page.locator(f'{TABLE} tr[data-set="S1"]').hover()
    assert lit(page, MAP, ".bar") == {"S1"}


def test_a_click_keeps_a_set_lit_and_the_address_says_so(open_page: Open) -> None:
    page = open_page("/")
    page.locator(f'{MAP} .cell[data-set="S2"]').first.click()
    page.wait_for_url("**/?s=S2")
    page.mouse.move(5, 5)
    page.get_by_text("S2 in detail").wait_for()
    assert lit(page, MAP, ".cell") == {"S2"}
    page.locator(f'{MAP} .cell[data-set="S2"]').first.click()
    page.wait_for_url("**/")


def test_the_keyboard_walks_the_map(open_page: Open) -> None:
    page = open_page("/")
    page.locator(f"{MAP} .bar").first.focus()
    seen = []
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        seen.append(page.evaluate(ACTIVE))
    assert all(seen)
    assert len(set(seen)) == 4
    page.keyboard.press("Enter")
    page.wait_for_url("**/?s=S*")
    page.keyboard.press("Escape")
    page.wait_for_url("**/")


# the label of the focused cell, which stands in the shadow root of the component
ACTIVE = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  return one?.getAttribute("aria-label");
}"""


def test_every_cell_says_aloud_what_it_is(open_page: Open) -> None:
    page = open_page("/")
    labels = page.locator(f"{MAP} .cell").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    ids = {shared.id for shared in shared_sets(library.example(library.DEFAULT))}
    assert labels
    assert all(label.endswith((" · own", " · same object")) for label in labels)
    assert {part for label in labels for part in label.split(" · ")} & ids


def test_back_returns_to_the_set_before(open_page: Open) -> None:
    page = open_page("/")
    page.locator(f'{TABLE} tr[data-set="S1"]').click()
    page.wait_for_url("**/?s=S1")
    page.get_by_text("S1 in detail").wait_for()
    page.wait_for_timeout(2100)  # an address that arrives sooner may be an echo of the one before
    page.locator(f'{TABLE} tr[data-set="S2"]').click()
    page.get_by_text("S2 in detail").wait_for()
    page.wait_for_timeout(2100)
    page.go_back()
    page.get_by_text("S1 in detail").wait_for()
    assert page.url.endswith("/?s=S1")


def test_the_model_stays_when_the_page_changes(open_page: Open) -> None:
    name = library.examples()[-1]
    page = open_page(f"/?m={name}")
    bar = page.locator(".st-key-sv_bar").inner_text().splitlines()[0]
    page.get_by_role("link", name="Training").click()
    page.wait_for_url(f"**/training?m={name}*")
    assert page.locator(".st-key-sv_bar").inner_text().splitlines()[0] == bar


def test_the_link_is_copied_with_the_model_in_it(open_page: Open) -> None:
    page = open_page("/?s=S1")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"/?s=S1&m={library.DEFAULT}")


def test_a_picture_is_downloaded(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waited:
        page.get_by_role("button", name="Map (PNG)", exact=True).click()
    assert waited.value.suggested_filename.endswith("-map.png")
    with open(waited.value.path(), "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_a_file_is_opened_and_shown(open_page: Open) -> None:
    from shareviz.jsonio import to_json

    page = open_page("/")
    page.get_by_role("button", name="Change model").click()
    page.get_by_text("Open a file").click()
    data = to_json(library.example(library.examples()[-1])).encode()
    upload = {"name": "mine.shareviz.json", "mimeType": "application/json", "buffer": data}
    page.locator('input[type="file"]').set_input_files(upload)
    page.get_by_role("button", name="Show this model").click()
    page.wait_for_url("**/?m=upload")
    page.locator(f"{MAP} .map").wait_for()
    assert "file" in page.locator(".st-key-sv_bar").inner_text().split()


def test_one_search_lights_map_graph_and_table_and_a_reload_keeps_it(open_page: Open) -> None:
    page = open_page("/")
    field = page.locator(".st-key-sv_find input")
    field.fill("blocks.4.*norm1*")
    field.press("Enter")
    page.get_by_text("Found 1 module and 2 tensors.").wait_for()
    page.wait_for_url("**q=blocks.4*")
    page.reload()
    page.locator(".st-key-sv_map .seek i.hit").wait_for()
    assert page.locator(".st-key-sv_map .hit").count() == 1
    assert page.locator(".st-key-sv_graph .box.hit").count() == 1
    assert page.locator(".st-key-sv_sets tr.hit").inner_text().startswith("\tOwn tensors")


@pytest.mark.parametrize(("width", "hint"), [(1280, "Hover any colour"), (390, "Tap any colour")])
def test_the_hint_speaks_of_what_the_screen_can_do(open_page: Open, width: int, hint: str) -> None:
    page = open_page("/", width=width)
    assert page.get_by_text(hint).is_visible()
    assert page.get_by_text("any colour to see").filter(visible=True).count() == 1
