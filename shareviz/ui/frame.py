"""The frame of every page: navigation, the model bar, the title, the link, errors.

A page calls `required()` first, then `view = begin()`, and `say(view, title, sentence)` once its widgets
have decided what is true. No page reads or writes the address by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import Page

from shareviz.design import Design
from shareviz.errors import SharevizError
from shareviz.jsonio import to_json
from shareviz.snapshot import Snapshot
from shareviz.ui import dialog, library, state, theme, url, warm
from shareviz.ui.library import Chosen, UploadGone
from shareviz.ui.state import select, set_design, set_model
from shareviz.ui.svcopy import copy_link

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ASSETS", "Export", "View", "begin", "errors", "offer", "pages", "required", "run", "say"]
__all__ += ["select", "set_design", "set_model"]

ASSETS = Path(__file__).parent / "assets"
FOLDER = Path(__file__).parent.parent.parent / "pages"
PAGES = (
    ("map", "Map", "grid_view"),
    ("savings", "Savings", "savings"),
    ("training", "Training", "show_chart"),
    ("checks", "Checks", "fact_check"),
    ("learn", "Learn", "school"),
)
BADGES = {"example": "science", "built": "construction", "file": "description", "compared": "difference"}
NOT_KEPT = (
    "Uploaded files are not kept. Export → Snapshot (JSON) holds names, shapes and ties, no weights; "
    "others can open it."
)
WRITTEN, PAGE = "sv_written", "sv_page"

_INSIDE: ContextVar[bool] = ContextVar("inside the frame", default=False)


@dataclass(frozen=True, slots=True)
class View:
    """What a page looks at.

    `before` is the chosen model, `after` the same under `design`. `live`, where the model can be built,
    returns the module of `after`: `live()` on meta, `live(device="cpu", seed=0)` with values. `selected`
    is the id of the lit set. `head` takes the title, `menu` the downloads.
    """

    ref: str
    title: str
    badge: str
    before: Snapshot
    design: Design
    after: Snapshot
    head: DeltaGenerator
    menu: DeltaGenerator
    live: Callable[..., nn.Module] | None
    selected: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """One line of the Export menu; `make` runs only when it is clicked."""

    label: str
    file_name: str
    mime: str
    make: Callable[[], bytes]


def pages() -> list[Page]:
    """Return the pages of the top bar, in the order of the questions."""
    return [
        st.Page(FOLDER / f"{name}.py", title=title, icon=f":material/{icon}:", default=name == "map")
        for name, title, icon in PAGES
        if (FOLDER / f"{name}.py").exists()
    ]


def run(page: Page) -> None:
    """Run the page inside the frame; then let torch warm up."""
    st.session_state[PAGE] = page.url_path
    token = _INSIDE.set(True)
    try:
        page.run()
    finally:
        _INSIDE.reset(token)
        warm.start()


def required() -> None:
    """Stand in for app.py where Streamlit ran a page file by itself, as it does for a first deep link."""
    if not _INSIDE.get():
        st.navigation(pages(), position="top")
        st.rerun()


def begin() -> View:
    """Draw the model bar and return what the page looks at; the link is read and written here."""
    theme.inject()
    ignored = _follow_link()
    chosen, refused = _chosen()
    design, after, more = _designed(chosen)
    ignored += refused + more
    menu = _bar(chosen)
    _write_link()
    if ignored:
        st.toast(f"Ignored: {', '.join(ignored)}", icon=":material/link_off:")
    return View(
        ref=chosen.ref,
        title=chosen.title,
        badge=chosen.badge,
        before=chosen.snapshot,
        design=design,
        after=after,
        head=st.container(),
        menu=menu,
        live=_realized(chosen, design),
        selected=state.selected(),
    )


def say(view: View, title: str, sentence: str) -> None:
    """Fill the head: the title is the answer, as plain text; the sentence says why, as Markdown."""
    view.head.title(theme.plain(title), anchor=False)
    view.head.markdown(sentence)


def offer(view: View, exports: Sequence[Export]) -> None:
    """Add downloads to the Export menu, before the snapshot that is always there."""
    for export in exports:
        view.menu.download_button(
            export.label,
            export.make,
            export.file_name,
            export.mime,
            key=f"sv_export_{export.label}",
            type="tertiary",
            width="stretch",
            on_click=partial(st.toast, f"Saved {export.file_name}", icon=":material/check:"),
        )


@contextmanager
def errors() -> Iterator[None]:
    """Show a refused input as one message with what to do; the only place that does."""
    try:
        yield
    except SharevizError as error:
        st.error(f"{error.message} {error.hint}".strip(), icon=":material/error:")


def _follow_link() -> list[str]:
    """Take the address into the session where it is newer; return the keys that no page has."""
    params = st.query_params
    link = url.link_of(params)
    if url.adopts(link, st.session_state.get(WRITTEN), time.monotonic()):
        model, design, lit = link
        set_model(model or library.DEFAULT)
        set_design(design)
        select(lit)
    ignored = url.unknown(params, st.session_state.get(PAGE, ""))
    for key in ignored:
        del params[key]
    return list(ignored)


def _write_link() -> None:
    before = url.link_of(st.query_params)
    model = state.model().partition(":")[0]
    link = ("" if model == library.DEFAULT else model, state.design(), state.selected() or "")
    for key, value in zip(url.FRAME_KEYS, link, strict=True):
        if value and st.query_params.get(key) != value:
            st.query_params[key] = value
        elif not value and key in st.query_params:
            del st.query_params[key]
    if link != before or WRITTEN not in st.session_state:
        st.session_state[WRITTEN] = url.Written(link, before, time.monotonic())


def _chosen() -> tuple[Chosen, list[str]]:
    """Return the model of the session; a text that names none falls back to the default."""
    ref = state.model()
    try:
        with _patience(ref):
            return library.find(ref, state.uploads()), []
    except UploadGone as error:
        _say_gone(error)
    except SharevizError:
        set_model(library.DEFAULT)
        return library.find(library.DEFAULT, {}), [f"m={ref[:60]}"]
    raise AssertionError("st.stop() does not return")


def _patience(ref: str) -> Any:
    slow = "?" in ref and not warm.ready()
    return st.spinner("Building the model…") if slow else st.empty()


def _say_gone(error: UploadGone) -> None:
    st.title("This model is not here", anchor=False)
    st.markdown(str(error))
    with st.container(horizontal=True):
        if st.button("Open a file", icon=":material/description:", type="primary"):
            dialog.choose("Open a file")
        st.button("Show an example", icon=":material/science:", on_click=set_model, args=(library.DEFAULT,))
    st.stop()


def _designed(chosen: Chosen) -> tuple[Design, Snapshot, list[str]]:
    text = state.design()
    try:
        design = Design.parse(text)
        return design, _after(chosen.ref, text, chosen.snapshot, design), []
    except SharevizError:
        set_design("")
        return Design.parse(""), chosen.snapshot, [f"p={text[:60]}"]


@st.cache_resource(max_entries=64, show_spinner=False)
def _after(ref: str, text: str, _snapshot: Snapshot, _design: Design) -> Snapshot:
    return _design.plan(_snapshot).apply(_snapshot)


def _realized(chosen: Chosen, design: Design) -> Callable[..., nn.Module] | None:
    if chosen.live is None:
        return None

    def live(**given: Any) -> nn.Module:
        from shareviz.realize import realize

        assert chosen.live is not None
        module = chosen.live(**given)
        plan = design.plan(chosen.snapshot)
        return realize(plan, module, seed=given.get("seed", 0)) if plan.rewrites else module

    return live


def _bar(chosen: Chosen) -> DeltaGenerator:
    """Draw name, badge, Change model, Copy link and Export; return the place for downloads."""
    with st.container(horizontal=True, vertical_alignment="center", key="sv_bar"):
        st.markdown(f"**{theme.plain(chosen.title)}**", width="content")
        st.badge(chosen.badge, icon=f":material/{BADGES[chosen.badge]}:", color="gray")
        if st.button("Change model", icon=":material/swap_horiz:", type="tertiary"):
            dialog.choose()
        st.space("stretch")
        copy_link(chosen.ref, disabled=NOT_KEPT if chosen.badge == "file" else "")
        popover = st.popover("Export", icon=":material/download:")
    menu = popover.container(gap=None)
    popover.download_button(
        "Snapshot (JSON)",
        lambda: to_json(chosen.snapshot).encode(),
        f"{theme.file_stem(chosen.title)}.shareviz.json",
        "application/json",
        key="sv_export_snapshot",
        type="tertiary",
        width="stretch",
        on_click="ignore",
    )
    return menu
