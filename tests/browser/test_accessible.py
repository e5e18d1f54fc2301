"""What axe-core finds on each page: nothing that keeps a person from reading or using it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
COMPARED = "/checks?m=gpt2-small&cmp=broken-lost-tie"
GUIDE = "/learn?guide=language-model~disk~kv"


def violations(page: Page) -> list[str]:
    """Return each rule that the page breaks, with the first element that does."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


@pytest.mark.parametrize("address", ["/", "/?m=t5-small&g=off", COMPARED, "/learn", GUIDE])
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_axe_has_nothing_against_a_page(open_page: Open, address: str, width: int, theme: str) -> None:
    page = open_page(address, width=width, theme=theme)
    if "learn" not in address:
        page.locator(".st-key-sv_map, .st-key-sv_cmp_a").locator(".bar, .cell").first.wait_for()
    assert violations(page) == []


def test_axe_has_nothing_against_a_kept_set_and_an_unfolded_graph(open_page: Open) -> None:
    page = open_page("/?g=s0.0_t0.1")
    page.locator(".st-key-sv_graph [data-fold='t0.1']").wait_for()
    assert violations(page) == []
