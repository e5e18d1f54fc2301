"""Painting what a person brought: a real config and a file of weights, wide and narrow, light and dark."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from safetensors.torch import save

from shareviz.formats import Upload
from shareviz.models import build
from tests.browser.test_dialog import send, show
from tests.browser.test_paint import MAP, brush, cell, title
from tests.conftest import settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
LLAMA = {  # Llama 3.2, 1B
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128_256, "hidden_size": 2048,
    "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
    "head_dim": 64, "tie_word_embeddings": True,
}  # fmt: skip


def weights() -> bytes:
    module = build("language_model?layers=6&width=32&heads=4&vocab=64&context=16", device="cpu", seed=0)
    return save(dict(module.state_dict()))


# a file, its title on the map, its layers, and what is painted: the name of a column as it is read aloud
FILES = {
    "config": (Upload("config.json", json.dumps(LLAMA).encode()), "The output head is the token table", 16),
    "weights": (Upload("model.safetensors", weights()), "6 layers, nothing shared", 6),
}


@pytest.mark.parametrize(("width", "theme"), LOOKS)
@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_painted_by_mouse_and_by_keyboard(
    kind: str, width: int, theme: str, open_page: Callable[..., Page]
) -> None:
    file, named, layers = FILES[kind]
    page = open_page("/", width=width, theme=theme)
    show(page, send(page, file), named)
    page.get_by_role("link", name="Savings").first.click() if width > 800 else _by_menu(page)
    cell(page, layers - 1).wait_for()
    settle(page)  # what still moves is not painted on
    before = sets_of(page, layers)
    brush(page, "new").click()
    drag(page, 0, 1)
    title(page, "Own plan")
    one = sets_of(page, layers)
    assert one[0] == one[1] != "" and one[2:] == before[2:]
    cell(page, 1).focus()
    for key in ("ArrowDown", "1", "Space"):
        page.keyboard.press(key)
    chosen = page.locator(f'{MAP} .chip[aria-checked="true"]').get_attribute("data-brush")
    page.locator(f'{MAP} .cell[data-set="{chosen}"][aria-label^="layer 2 · attention · q"]').wait_for()
    assert len({*sets_of(page, layers)[:3]}) == 1
    settle(page)
    folder = os.environ.get("SHAREVIZ_LOOKS")
    if folder:
        page.screenshot(path=Path(folder) / f"paint-{kind}-{width}-{theme}.png", full_page=True)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    page.keyboard.press("Control+z")
    freed = f'{MAP} .cell[aria-label^="layer 2 · attention · q"]:not([data-set="{chosen}"])'
    page.locator(freed).wait_for()  # one step back before the next
    settle(page)
    page.keyboard.press("Control+z")
    page.locator("h1", has_text="Own plan").wait_for(state="detached")
    assert sets_of(page, layers) == before


def sets_of(page: Page, layers: int) -> list[str]:
    settle(page)
    return [cell(page, layer).get_attribute("data-set") or "" for layer in range(layers)]


def drag(page: Page, first: int, last: int) -> None:
    """Draw with the mouse from one layer to another."""
    cell(page, first).scroll_into_view_if_needed()
    ends = [cell(page, layer).bounding_box() for layer in (first, last)]
    for box, act in zip(ends, (page.mouse.down, page.mouse.up), strict=True):
        assert box
        page.mouse.move(box["x"] + 8, box["y"] + 8)
        act()


def _by_menu(page: Page) -> None:
    """Go to Savings from a narrow page, whose links wait behind a button."""
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Savings").click()
    settle(page)
    if page.get_by_test_id("stSidebar").get_attribute("aria-expanded") != "false":
        page.get_by_test_id("stSidebar").hover()
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
