"""Every kind of file through the dialog of a real browser: what is found, and what the page then shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save
from torch import nn

from shareviz.formats import Upload
from tests.conftest import Complaints, settle
from tests.formats import samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Locator, Page

TABLE = ".st-key-sv_sets"
HEAD = "The output head is the token table"
PAIR = "1 tensor is used in 2 places"
ALONE = "Nothing is shared"
TIED = 10 * 4 + 4 + 4  # the table, which is the head, and the gain and bias of a norm
GPT2 = (16 + 8) * 8 + 12 * 8 * 8 + 13 * 8 + 2 * 8  # tables, the layer's matrices and vectors, the last norm
RUNS = "<img src=x onerror=window.ran=1>"
LINK = "[x](javascript:window.ran=1) **bold** `code`"

# by format: what the dialog says was found, the title, the stored parameters, the words of evidence
SEEN = {
    "config": ("16 tensors, no ties found", ALONE, GPT2, ""),
    "gguf": ("3 tensors, 1 tie found", HEAD, 44, "inferred"),
    "onnx": ("2 tensors, no ties found", "The model is used 2 times", 6, "same storage"),
    "safetensors": ("2 tensors, no ties found", ALONE, 10, ""),
    "safetensors_index": ("3 tensors, no ties found", ALONE, 24, ""),
    "shareviz_json": ("7 tensors, 1 tie found", HEAD, TIED, "same object"),
    "torch_export": ("7 tensors, 1 tie found", HEAD, TIED, "same storage"),
    "torch_legacy": ("7 tensors, 1 tie found", PAIR, TIED, "same storage"),
    "torchscript": ("7 tensors, 1 tie found", HEAD, TIED, "same storage"),
    "torch_zip": ("7 tensors, 1 tie found", PAIR, TIED, "same storage"),
}


@pytest.fixture(scope="module")
def visit(server: str, browser: Browser) -> Iterator[tuple[Page, Complaints]]:
    """Return one page for all these files, and what it complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page, complaints = context.new_page(), Complaints()
    complaints.watch(page)
    page.goto(server)
    settle(page)
    yield page, complaints
    context.close()


@pytest.fixture
def page(visit: tuple[Page, Complaints], server: str) -> Iterator[Page]:
    """Return the page; the test fails at its end if the page logged an error or asked another host."""
    page, complaints = visit
    if page.get_by_role("dialog").is_visible() or not page.locator("h1").is_visible():
        page.goto(server)  # what another test left when it failed is not this one's fault
        settle(page)
    complaints.found.clear()
    yield page
    assert not complaints.found, "\n".join(complaints.found)


def send(page: Page, *files: Upload) -> Locator:
    """Give files to the dialog, and return it."""
    dialog = page.get_by_role("dialog")
    if not dialog.is_visible():
        page.get_by_role("button", name="Change model").click()
    dialog.get_by_text("Open a file").click()
    payloads: list[FilePayload] = [
        {"name": file.name, "mimeType": "application/octet-stream", "buffer": file.data} for file in files
    ]
    dialog.locator("input[type=file]").set_input_files(payloads)
    return dialog


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def show(page: Page, dialog: Locator, title: str) -> None:
    """Choose what the dialog found, and wait for the page to say it."""
    dialog.get_by_role("button", name="Show this model").click()
    dialog.wait_for(state="detached")
    page.locator("h1", has_text=title).wait_for()
    settle(page)


def stored(page: Page) -> str:
    return page.locator('[data-testid="stMetricValue"]').first.inner_text()


def test_every_format_is_here() -> None:
    assert set(SEEN) == set(samples.EACH)


@pytest.mark.parametrize("kind", SEEN)
def test_a_file_of_each_format_is_found_and_shown(page: Page, kind: str) -> None:
    found, title, parameters, evidence = SEEN[kind]
    first = samples.EACH[kind]()
    dialog = send(page, *samples.BESIDE.get(kind, tuple)(), first)
    dialog.get_by_text(found).wait_for()
    show(page, dialog, title)
    assert stored(page) == ("1.08 k" if parameters == 1080 else str(parameters))
    assert page.locator(".st-key-sv_bar .stMarkdownBadge", has_text="file").is_visible()
    if evidence:
        page.locator(f"{TABLE} td", has_text=evidence).first.wait_for()
    else:
        page.get_by_text("Every tensor has one user.").wait_for()


def test_a_pickled_module_is_shown_with_its_tree_and_is_not_run(page: Page) -> None:
    dialog = send(page, samples.pt(samples.Shared()))
    dialog.get_by_text("2 tensors, no ties found").wait_for()
    assert dialog.get_by_text("nothing of it was run").is_visible()
    show(page, dialog, "inner is used 3 times")
    assert stored(page) == str(3 * 3 + 3)


def test_a_tie_that_the_header_states_is_shown_as_stated(page: Page, tmp_path: Path) -> None:
    path = samples.saved_model(samples.Tied(), tmp_path)
    dialog = send(page, Upload(path.name, path.read_bytes()))
    dialog.get_by_text("The header states 1 tied name").wait_for()
    show(page, dialog, PAIR)
    page.locator(f"{TABLE} td", has_text="stated by the file").first.wait_for()
    assert stored(page) == str(TIED)


def test_a_config_beside_a_checkpoint_states_the_tie_that_it_lacks(page: Page) -> None:
    names = {"wte": (16, 8), "wpe": (8, 8), "ln_f": (8,)}
    weights = {f"transformer.{name}.weight": torch.zeros(shape) for name, shape in names.items()}
    alone = Upload("gpt2.safetensors", save(weights))
    both = (alone, samples.config(**samples.SMALL_GPT2, architectures=["GPT2LMHeadModel"]))
    dialog = send(page, *both)
    dialog.get_by_text("config.json states 1 tied name that the file does not store: lm_head").wait_for()
    assert dialog.get_by_text("4 tensors, 1 tie found").is_visible()
    show(page, dialog, HEAD)
    page.locator(f"{TABLE} td", has_text="stated by the file").first.wait_for()


def test_of_several_models_in_a_checkpoint_the_chosen_one_is_shown(page: Page) -> None:
    models = {"generator": nn.Linear(5, 4), "critic": nn.Linear(3, 2, bias=False)}
    saved = {"epoch": 3} | {name: model.state_dict() for name, model in models.items()}
    dialog = send(page, samples.pt(saved, "gan.pt"))
    dialog.get_by_text("holds more than one model").wait_for()
    assert not dialog.get_by_role("button", name="Show this model").is_visible()
    choices = dialog.locator('[data-testid="stRadioOption"]')
    choices.first.wait_for()
    offered = ["generator · 2 tensors", "critic · 1 tensor", "Everything in the file"]
    assert choices.all_inner_texts() == offered
    choices.nth(1).click()
    dialog.get_by_text("Opened critic, one part of the file.").wait_for()
    show(page, dialog, ALONE)
    assert stored(page) == "6"


def test_names_that_carry_html_are_text_and_nothing_runs(page: Page) -> None:
    weight = torch.zeros(4, 3)
    tensors = {f"{RUNS}.weight": weight, f"{LINK}.weight": weight, f"{RUNS}.bias": torch.zeros(4)}
    dialog = send(page, samples.pt(tensors, f"{RUNS}.pt"))
    dialog.get_by_text("3 tensors, 1 tie found").wait_for()
    assert dialog.locator("strong", has_text=f"{RUNS}.pt").is_visible()
    show(page, dialog, PAIR)
    assert page.locator(".st-key-sv_bar strong", has_text=f"{RUNS}.pt").is_visible()
    page.locator(TABLE).get_by_text(f"{RUNS}.weight").first.wait_for()
    page.locator(f'{TABLE} [data-set="S1"]').first.click()
    page.get_by_text("S1 in detail").wait_for()
    listed = page.locator('[data-testid="stCode"]', has_text=RUNS).first.inner_text()
    assert f"{RUNS}.weight" in listed and f"{LINK}.weight" in listed
    for name in ("Savings", "Checks", "Map"):
        page.get_by_role("link", name=name, exact=True).click()
        settle(page)
    assert page.evaluate("window.ran") is None
    assert page.locator("img[src='x']").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0


def test_a_file_that_is_refused_is_one_sentence_and_the_next_one_opens(page: Page) -> None:
    dialog = send(page, Upload(f"{RUNS}.png", b"\x89PNG\r\n\x1a\n" + bytes(64)))
    alert = dialog.get_by_role("alert")
    alert.wait_for()
    assert f"{RUNS}.png: This is a picture (PNG), not a model file. Upload" in alert.inner_text()
    dialog.get_by_role("button", name="Remove ").click()
    alert.wait_for(state="detached")
    send(page, samples.small_safetensors())
    dialog.get_by_text("2 tensors, no ties found").wait_for()
    assert page.evaluate("window.ran") is None
    close(page)


def test_a_refused_file_is_gone_when_the_dialog_is_opened_again(page: Page) -> None:
    dialog = send(page, Upload("notes.bin", b"no model at all"))
    dialog.locator('[data-testid="stAlert"]').wait_for()
    close(page)
    page.get_by_role("button", name="Change model").click()
    dialog.get_by_text("Open a file").click()
    dialog.locator("input[type=file]").wait_for(state="attached")
    assert dialog.get_by_text("notes.bin").count() == 0
    close(page)
