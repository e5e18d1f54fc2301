"""Look for lost ties: equal values in separate storage, read from the opened file when asked."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from shareviz.checks import Finding, check_copies
from shareviz.copies import Copy, Likeness, copies
from shareviz.formats import limits_of
from shareviz.text import listed, plural, size
from shareviz.ui import shown, state, theme
from shareviz.ui.view import View
from shareviz.values import open_values

SEEN, LOOK = "sv_lost_ties", "sv_look_for_lost_ties"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a search found, and how much of the file it read."""

    copies: tuple[Copy, ...]
    bytes_read: int


def findings(view: View) -> tuple[Finding, ...]:
    """Return what the search found in this model, () where nobody looked."""
    looked = _looked(view)
    return check_copies(looked.copies) if looked else ()


def alike(view: View) -> tuple[tuple[str, str], ...]:
    """Return the weights that the search found to be copies, each name with that of a twin."""
    looked = _looked(view)
    found = [] if looked is None else [copy for copy in looked.copies if copy.likeness is Likeness.EQUAL]
    return tuple(
        (name, copy.members[0 if number else 1][0])
        for copy in found
        if not copy.buffers
        for number, names in enumerate(copy.members)
        for name in names
    )


def asked(view: View) -> bool:
    """Whether the values of this model were compared."""
    return _looked(view) is not None


def draw_lost_ties(view: View) -> None:
    """Draw the button that compares values, and what came of it."""
    with st.container(border=True):
        st.header("Lost ties", anchor=False)
        st.markdown(
            "Equal values in separate storage are no sharing: they are stored twice, and training moves them "
            "apart. Names and shapes cannot show them, so this reads values."
        )
        looked, reason = _looked(view), _cannot(view)
        if looked is not None:
            st.markdown(_outcome(view, looked))
        elif reason:
            st.markdown(reason)
        elif st.button("Look for lost ties", icon=":material/content_copy:", key=LOOK):
            with shown.errors():
                st.session_state[SEEN] = {view.ref: _search(view)}
                st.rerun()


def _looked(view: View) -> Looked | None:
    held: Looked | None = st.session_state.get(SEEN, {}).get(view.ref)
    return None if view.design.text else held


def _cannot(view: View) -> str:
    """Return why no values can be compared, or ""."""
    if view.badge in ("example", "module"):
        return "Not asked: a saved snapshot holds no values. Open a file with weights."
    if view.badge != "file":
        return "Not asked: a model built here starts from fresh values. Open a file with weights."
    if state.kept(view.ref) is None:
        most = size(state.most_kept())
        return (
            f"Not asked: the values are not at hand. Files of up to {most} stay in memory for this; for a "
            "larger one run `shareviz check FILE --values`."
        )
    if view.design.text:
        return "Not asked: the values are those of the file as it is. Remove the plan to look."
    return ""


def _search(view: View) -> Looked:
    kept = state.kept(view.ref)
    assert kept is not None
    first, *rest = kept.files
    told = "Comparing values… Leave the page to stop."
    bar = st.progress(0.0, told)

    def show(done: float) -> None:
        bar.progress(done, told)

    try:
        with open_values(first, companions=rest, pick=kept.pick, limits=limits_of()) as values:
            return Looked(copies(view.before, values, progress=show), values.bytes_read)
    finally:
        bar.empty()


def _outcome(view: View, looked: Looked) -> str:
    lost = [copy for copy in looked.copies if copy.likeness.may_be_a_tie and not copy.buffers]
    said = (
        plural(len(lost), "group") + " of equal weights, above with the repair." if lost else "No lost tie."
    )
    flat = [copy for copy in looked.copies if copy.likeness is Likeness.CONSTANT]
    if flat:
        names = [name for copy in flat for name in copy.names]
        number = plural(len(names), "tensor holds", "tensors hold")
        said += f" {number} one value throughout ({theme.plain(listed(names, 2))}), which is no tie."
    stored = sum(view.before.storages)
    return f"{said} Read {size(looked.bytes_read)}, of a model of {size(stored)}."
