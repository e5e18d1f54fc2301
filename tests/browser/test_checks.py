"""The Checks page in a browser: the verdict of the core on the screen, tables that fold on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shareviz.checks import check, checks, title_of
from shareviz.ui import library

if TYPE_CHECKING:
    from playwright.sync_api import Page

BROKEN = "broken-lost-tie"
SIDEWAYS = "() => document.querySelector('[data-testid=stMain]').scrollWidth - innerWidth"


@pytest.mark.parametrize("width", [390, 1280])
def test_the_verdict_and_what_the_repair_frees_are_those_of_the_core(
    open_page: Callable[..., Page], width: int
) -> None:
    snapshot = library.example(BROKEN)
    (finding,) = check(snapshot)
    page = open_page(f"/checks?m={BROKEN}&cmp=gpt2-small", width=width)
    assert page.locator("h1").inner_text() == title_of([finding], snapshot)
    page.get_by_text("frees 38.6 M parameters").wait_for()  # 50,257 · 768
    asked = page.locator(".st-key-sv_asked tbody tr")
    asked.first.wait_for()
    assert asked.count() == len(checks())
    page.get_by_text("Stored 163.0 M → 124.4 M").wait_for()
    assert page.evaluate(SIDEWAYS) <= 0


def test_the_steps_run_in_the_browser_and_name_the_first_break(open_page: Callable[..., Page]) -> None:
    page = open_page("/checks")
    page.get_by_role("button", name="Run them on a small model").click()
    page.get_by_text("first breaks at").wait_for(timeout=60_000)
    assert page.locator(".st-key-sv_matrix td.bad").count() == 2  # to meta, and back
