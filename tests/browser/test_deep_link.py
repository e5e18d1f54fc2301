"""A link is right as the very first request to a fresh server, and torch is not there yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shareviz.headline import headline
from shareviz.ui import library

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
Start = Callable[..., str]
ROOT = Path(__file__).parent.parent.parent
OTHERS = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "map")


def title(page: Page) -> str:
    return page.locator("h1").inner_text()


@pytest.mark.parametrize("name", OTHERS)
def test_the_first_request_may_be_any_page(open_page: Open, start_server: Start, name: str) -> None:
    page = open_page(f"/{name}", base=start_server(SHAREVIZ_WARM="0"))
    assert page.locator("h1").count() == 1
    assert page.get_by_role("link", name="Map").count() >= 1
    assert page.get_by_role("button", name="Change model").is_visible()


def test_a_first_link_to_a_set_lights_it(open_page: Open, start_server: Start) -> None:
    page = open_page("/?s=S1", base=start_server(SHAREVIZ_WARM="0"))
    assert title(page) == headline(library.example(library.DEFAULT))
    page.get_by_text("S1 in detail").wait_for()
    assert page.locator(".st-key-sv_map .bar.on").count() == 2


def loaded(port: str, library_name: str) -> bool:
    """Say whether the server on a port has mapped a library into its memory."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
                if f"server.port={port}".encode() in command:
                    return library_name in (folder / "maps").read_text()
            except OSError:
                continue
    raise AssertionError(f"no server on port {port}")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_the_first_page_stands_without_torch(open_page: Open, start_server: Start) -> None:
    base = start_server(SHAREVIZ_WARM="0")
    page = open_page("/", base=base)
    page.locator(".st-key-sv_map .cell").first.wait_for()
    port = base.rpartition(":")[2]
    assert not loaded(port, "libtorch")
    # the probe itself works: a build does load torch
    built = open_page("/?m=multitask", base=base)
    assert title(built)
    assert loaded(port, "libtorch")
