"""The model bar: name, badge, Change model, Copy link, Export."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from shareviz.jsonio import to_json
from shareviz.modulecode import module_code, writable
from shareviz.options import parse
from shareviz.report import Subject, report_html
from shareviz.snapshot import Snapshot
from shareviz.ui import dialog, state, theme
from shareviz.ui.library import Chosen
from shareviz.ui.svcopy import copy_link
from shareviz.ui.view import Export

BADGES = {"example": "science", "built": "construction", "file": "description", "compared": "difference"}
BADGES["module"] = "code"
NOT_KEPT = (
    "Uploaded files are not kept. Export → Snapshot (JSON) holds names, shapes and ties, no weights; "
    "others can open it."
)


def draw_bar(chosen: Chosen, design: str, after: Snapshot) -> DeltaGenerator:
    """Draw the bar and return the place for the page's own downloads.

    Args:
        design: What the page calls the design, "" for none.
        after: The model under it, for the downloads that every page has.
    """
    title = " · ".join(filter(None, (chosen.title, design)))
    with st.container(horizontal=True, vertical_alignment="center", key="sv_bar"):
        st.markdown(f"**{theme.plain(title)}**", width="content")
        st.badge(chosen.badge, icon=f":material/{BADGES[chosen.badge]}:", color="gray")
        if st.button("Change model", icon=":material/swap_horiz:", type="tertiary"):
            dialog.choose()
        st.space("stretch")
        copy_link(chosen.ref, disabled=NOT_KEPT if chosen.badge == "file" else "")
        popover = st.popover("Export", icon=":material/download:")
    menu = popover.container(gap=None)
    stem = theme.file_stem(title)

    def report() -> bytes:
        return report_html(_subject(chosen, design, after)).encode()

    def snapshot() -> bytes:
        return to_json(after).encode()

    everywhere = [
        Export("Report (HTML)", f"{stem}-report.html", "text/html", report),
        Export("Snapshot (JSON)", f"{stem}.shareviz.json", "application/json", snapshot),
    ]
    draw_downloads(popover.container(gap=None), [*everywhere, *_program(chosen, after, design)])
    return menu


def _program(chosen: Chosen, after: Snapshot, design: str) -> list[Export]:
    """Return the download of a model built layer by layer as Python, where its sharing is ties alone."""
    if parse(chosen.ref)[0] != "layers" or not writable(after):
        return []
    stem = theme.file_stem(" ".join(filter(None, (chosen.title, design))))

    def program() -> bytes:
        return module_code(chosen.ref, after, design=design).encode()

    return [Export("Model (Python)", f"{stem}.py", "text/x-python", program)]


def _subject(chosen: Chosen, design: str, after: Snapshot) -> Subject:
    """Return what the report tells: the model as it is shown, this session's training, and the link."""
    from shareviz.ui import graphlook, training_view  # the run's page needs the frame, which needs this

    job = training_view.current_job()
    return Subject(
        after,
        chosen.snapshot if design else None,
        design,
        look=replace(graphlook.follow(), hidden=False),
        result=job.result() if job else None,
        link="" if chosen.badge == "file" else _link(chosen.ref),
    )


def _link(ref: str) -> str:
    """Return the address of the map of the model and design at hand."""
    base = urlsplit(st.context.url or "")
    if not base.netloc:
        return ""
    said = {"m": ref, "p": state.design()}
    query = urlencode({key: value for key, value in said.items() if value})
    return urlunsplit((base.scheme, base.netloc, "/", query, ""))


def draw_downloads(menu: DeltaGenerator, exports: Iterable[Export]) -> None:
    """Draw a line for each download; the file is made when it is clicked."""
    for export in exports:
        menu.download_button(
            export.label,
            export.make,
            export.file_name,
            export.mime,
            key=f"sv_export_{export.label}",
            type="tertiary",
            width="stretch",
            on_click=_toast,
            args=(export.file_name,),
        )


def _toast(name: str) -> None:
    st.toast(f"Saved {name}", icon=":material/check:")
