"""A model built layer by layer in a real browser: typed, refused, mended, shown, linked, opened anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from shareviz.capture import capture
from shareviz.design import Design
from shareviz.models import build, snapshot_of
from shareviz.realize import realize
from shareviz.sharing import tally
from shareviz.sources import open_source
from shareviz.text import count
from tests.browser.test_accessible import violations
from tests.conftest import settle

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Open = Callable[..., "Page"]


def builder(page: Page) -> Locator:
    """Open the dialog at the table, and return it."""
    page.get_by_role("button", name="Change model").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Build", exact=True).click()
    dialog.get_by_text("Layer by layer", exact=True).click()
    dialog.get_by_label("Layer of row 1").wait_for(timeout=60_000)
    return dialog


def use(page: Page, dialog: Locator) -> None:
    dialog.get_by_role("button", name="Use this model").click()
    dialog.wait_for(state="detached")
    settle(page)


def cell(dialog: Locator, row: int, size: str) -> Locator:
    return dialog.get_by_label(f"Row {row}", exact=True).get_by_label(size, exact=True)


def test_a_table_is_typed_mended_used_shown_and_opened_anew(open_page: Open) -> None:
    from playwright.sync_api import expect

    page = open_page("/")
    dialog = builder(page)
    dialog.get_by_text("Perceptron").click()
    # the table before has a size of that name in its first row, too
    expect(dialog.get_by_label("Layer of row 1")).to_have_value("linear")
    cell(dialog, 1, "Numbers").fill("32")
    alert = dialog.get_by_role("alert").filter(has_text="Row 1")
    alert.wait_for()
    assert "each takes 64 numbers and gives 32 numbers. Set numbers to 64" in alert.inner_text()
    dialog.get_by_role("button", name="Use this model").wait_for(state="detached")
    cell(dialog, 1, "Numbers").fill("64")
    dialog.get_by_role("button", name="Use this model").wait_for()
    alert.wait_for(state="hidden")
    dialog.get_by_label("Row 1 shares with").select_option("one for all")
    text = "layers?input=numbers-64&rows=linear-64-relu-x3~head"
    seen = snapshot_of(text)
    after = Design.parse("all").plan(seen).apply(seen)
    dialog.get_by_text(f"stores {count(tally(after).stored)}, uses {count(tally(after).used)}").wait_for()
    use(page, dialog)
    page.locator("h1", has_text="3 layers, 1 stored block").wait_for()
    assert page.locator('[data-testid="stMetricValue"]').first.inner_text() == count(tally(after).stored)
    assert "m=layers" in page.url and "linear-64-relu-x3~head" in page.url
    assert capture(realize(Design.parse("all").plan(seen), build(text))) == after
    again = open_page("/" + page.url.partition("://")[2].partition("/")[2])
    again.locator("h1", has_text="3 layers, 1 stored block").wait_for()
    dialog = builder(again)
    assert dialog.get_by_label("Repeats of row 1").input_value() == "3"
    shared = dialog.get_by_label("Row 1 shares with")
    assert shared.locator("option:checked").inner_text() == "one for all"


def test_rows_are_added_moved_and_removed_and_what_shares_follows(open_page: Open) -> None:
    page = open_page("/?m=layers%3Frows%3Dembedding-20-8~linear-8~linear-8~head-20")
    dialog = builder(page)
    dialog.get_by_label("Row 3 shares with").select_option("row 2")
    dialog.get_by_role("button", name="Add a layer").click()
    assert dialog.get_by_label("Layer of row 4").input_value() == "linear"  # the head stays last
    dialog.get_by_label("Layer of row 4").select_option("activation")
    dialog.get_by_role("button", name="Move up row 4").click()
    dialog.get_by_role("button", name="Move up row 3").click()
    chosen = dialog.get_by_label("Row 4 shares with").locator("option:checked", has_text="row 3")
    chosen.wait_for(state="attached")
    dialog.get_by_role("button", name="Remove row 3").click()
    dialog.get_by_label("Row 4", exact=True).get_by_label("Classes").wait_for()
    assert dialog.get_by_label("Row 3 shares with").count() == 0
    use(page, dialog)
    assert "activation~linear-8~head-20" in page.url


def test_the_model_leaves_as_a_program_that_is_what_the_page_shows(open_page: Open, tmp_path: Path) -> None:
    text, plan = "layers?rows=embedding-20-8~block-2-x4~head-20", "tied;cycle?stored=2"
    page = open_page(f"/?m={quote(text)}&p={quote(plan)}")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Model (Python)").click()
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    after = Design.parse(plan).plan(snapshot_of(text)).apply(snapshot_of(text))
    assert open_source([f"{path}:Layers"], run_code=True) == after
    assert path.name == "own-model-3-rows-cycle-2.py"


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_axe_has_nothing_against_the_table(open_page: Open, width: int, theme: str) -> None:
    page = open_page("/", width=width, theme=theme)
    dialog = builder(page)
    dialog.get_by_label("Layer of row 2").select_option("conv2d")
    dialog.get_by_role("alert").filter(has_text="Row 2").wait_for()
    assert violations(page) == []


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_the_table_fits_the_screen(open_page: Open, width: int, theme: str) -> None:
    page = open_page("/", width=width, theme=theme)
    dialog = builder(page)
    dialog.get_by_text("Small CNN").click()
    dialog.get_by_label("Layer of row 6").wait_for()
    inner, outer = dialog.evaluate("all => [all.scrollWidth, all.clientWidth]")
    assert inner == outer
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = dialog.get_by_label("Layer of row 1").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
