"""The frame of every page: navigation, the model bar, the title, the link, errors.

A page calls `required()` first, then `view = begin()`, and `say(view, title, sentence)` once its widgets
have decided what is true. No page reads or writes the address by itself.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.navigation.page import Page

from shareviz.design import Design
from shareviz.errors import SharevizError
from shareviz.sets import shared_sets
from shareviz.snapshot import Snapshot
from shareviz.text import clean
from shareviz.ui import bar, cache, dialog, library, link, linked, state, theme, warm
from shareviz.ui.library import Chosen, UploadGone
from shareviz.ui.shown import errors
from shareviz.ui.state import select, set_design, set_model
from shareviz.ui.view import Export, View

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ASSETS", "Export", "View", "begin", "errors", "go", "offer", "pages", "required", "run", "say"]
__all__ += ["select", "set_design", "set_model"]

ASSETS = Path(__file__).parent / "assets"
APP = Path(__file__).parent.parent.parent / "app.py"
FOLDER = APP.parent / "pages"
PAGES = (
    ("map", "Map", "grid_view"),
    ("savings", "Savings", "savings"),
    ("training", "Training", "show_chart"),
    ("checks", "Checks", "fact_check"),
    ("learn", "Learn", "school"),
)
PAGE = linked.PAGE

_INSIDE: ContextVar[bool] = ContextVar("inside the frame", default=False)


def pages() -> list[Page]:
    """Return the pages of the top bar, in the order of the questions."""
    return [
        st.Page(FOLDER / f"{name}.py", title=title, icon=f":material/{icon}:", default=name == "map")
        for name, title, icon in PAGES
        if (FOLDER / f"{name}.py").exists()
    ]


def run(page: Page) -> None:
    """Run the page inside the frame; then let torch warm up."""
    st.session_state[linked.PAGE_BEFORE] = st.session_state.get(PAGE)
    st.session_state[PAGE] = page.url_path
    token = _INSIDE.set(True)
    try:
        with errors():
            page.run()
    finally:
        _INSIDE.reset(token)
        warm.start()


def required() -> None:
    """Run app.py where Streamlit ran a page file by itself, as it does for the first link to a server.

    Running it here, and not asking for a rerun, keeps the click that this run may answer.
    """
    if not _INSIDE.get():
        runpy.run_path(str(APP))
        st.stop()


def go(name: str) -> None:
    """Open another page; model, design and lit set go along."""
    st.switch_page(FOLDER / f"{name}.py")


def begin() -> View:
    """Draw the model bar and return what the page looks at; the link is read and written here."""
    theme.inject()
    ignored = link.follow(st.session_state.get(PAGE, ""))
    chosen, refused = _chosen()
    design, after, more = _designed(chosen)
    ignored += refused + more + _unlit(after)
    menu = bar.draw_bar(chosen, _title(chosen.ref, design.text, chosen.snapshot, design), after)
    link.write()
    if ignored:
        st.toast(f"Ignored: {theme.plain(', '.join(ignored))}", icon=":material/link_off:")
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
    bar.draw_downloads(view.menu, exports)


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
    return library.find(library.DEFAULT, {}), [f"m={clean(ref, 60)}"]


def _patience(ref: str) -> AbstractContextManager[Any]:
    """Return what shows while the model comes: a word where torch has to be loaded first."""
    slow = ref not in library.examples() and not state.is_upload(ref) and not warm.ready()
    return st.spinner("Building the model…") if slow else st.empty()


def _say_gone(error: UploadGone) -> None:
    """Say that a link points to an upload, offer two ways on, and end the page."""
    st.title("This model is not here", anchor=False)
    st.markdown(str(error))
    with st.container(horizontal=True):
        if st.button("Open a file", icon=":material/description:", type="primary"):
            dialog.choose(dialog.FILE)
        st.button("Show an example", icon=":material/science:", on_click=set_model, args=(library.DEFAULT,))
    st.stop()


def _designed(chosen: Chosen) -> tuple[Design, Snapshot, list[str]]:
    """Return the design of the session and the model under it; a text that says none is dropped."""
    text = state.design()
    try:
        design = Design.parse(text)
        return design, _after(chosen.ref, text, chosen.snapshot, design), []
    except SharevizError:
        set_design("")
        return Design(), chosen.snapshot, [f"p={clean(text, 60)}"]


def _unlit(after: Snapshot) -> list[str]:
    """Put out a set that the model does not have."""
    lit = state.selected()
    if lit is None or lit in {shared.id for shared in cache.of(shared_sets, after)}:
        return []
    select(None)
    return [f"s={clean(lit, 20)}"]


@st.cache_resource(max_entries=64, show_spinner=False)
def _after(ref: str, text: str, _snapshot: Snapshot, _design: Design) -> Snapshot:
    return _design.plan(_snapshot).apply(_snapshot)


@st.cache_data(max_entries=64, show_spinner=False)
def _title(ref: str, text: str, _snapshot: Snapshot, _design: Design) -> str:
    return _design.title(_snapshot) if text else ""


def _realized(chosen: Chosen, design: Design) -> Callable[..., nn.Module] | None:
    """Return the function that builds the module of a model under a design, or None for a file."""
    build = chosen.live
    if build is None:
        return None

    def live(**given: Any) -> nn.Module:
        from shareviz.realize import realize

        module, plan = build(**given), design.plan(chosen.snapshot)
        return realize(plan, module, seed=given.get("seed", 0)) if plan.rewrites else module

    return live
