"""Open a file: the bytes decide what it is, and a refusal is one sentence with a way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from shareviz.errors import SharevizError
from shareviz.formats import Upload, limits_of, load
from shareviz.sharing import tied_groups
from shareviz.snapshot import Snapshot
from shareviz.text import plural, size
from shareviz.ui import shown, state, theme

FILES, PICK, OPENED = "sv_files", "sv_pick", "sv_opened"
HELP = "Weights, a checkpoint, a config.json, or a saved snapshot. Files that belong together go together."


def draw_file() -> None:
    """Draw the uploader and what came of it."""
    sent = st.file_uploader("Files", accept_multiple_files=True, key=FILES, help=HELP)
    st.caption(_promise())
    if not sent:
        return
    pick = _pick()
    try:
        snapshot = _opened(sent, pick)
    except SharevizError as error:
        if error.code != "ambiguous":
            shown.show(error)
        else:  # a question, not a failure
            st.info(theme.plain(str(error)), icon=":material/help:")
            st.text_input("Which part?", key=PICK, placeholder="its name, as above")
        return
    _offer(snapshot, sent)


def uploads(sent: Sequence[tuple[str, bytes]]) -> tuple[Upload, ...]:
    """Return files in the order in which they are read: an index, then weights, then descriptions."""

    def rank(item: tuple[str, bytes]) -> tuple[int, str]:
        name = item[0].lower()
        if name.endswith(".index.json"):
            return 0, name
        return (2 if name.endswith(".json") and not name.endswith(".shareviz.json") else 1), name

    return tuple(Upload(name, data) for name, data in sorted(sent, key=rank))


def _pick() -> str | None:
    return st.session_state.get(PICK) or None


def _opened(sent: Sequence[Any], pick: str | None) -> Snapshot:
    """Return the model in the files; reading them again on each click would be wasted."""
    mark = (*(file.file_id for file in sent), pick)
    held = st.session_state.get(OPENED)
    if held is not None and held[0] == mark:
        if isinstance(held[1], SharevizError):
            raise held[1]
        return held[1]  # type: ignore[no-any-return]
    first, *rest = uploads([(file.name, file.getvalue()) for file in sent])
    try:
        with st.spinner("Reading header…"):
            snapshot = load(first, companions=rest, pick=pick, limits=limits_of())
    except SharevizError as error:
        st.session_state[OPENED] = (mark, error)
        raise
    st.session_state[OPENED] = (mark, snapshot)
    return snapshot


def found(snapshot: Snapshot) -> str:
    """Return what a file holds: 723 tensors, 2 ties found."""
    ties = len(tied_groups(snapshot))
    said = plural(ties, "tie") if ties else "no ties"
    return f"{plural(len(snapshot.tensors), 'tensor')}, {said} found"


def _offer(snapshot: Snapshot, sent: Sequence[Any]) -> None:
    st.markdown(f"**{theme.plain(snapshot.source.title)}**: {found(snapshot)}.")
    for note in snapshot.source.notes:
        st.markdown(f"- {theme.plain(note)}")
    if st.button("Show this model", type="primary", icon=":material/check:"):
        files = state.Kept(uploads([(file.name, file.getvalue()) for file in sent]), _pick())
        state.keep_upload(snapshot, "".join(file.file_id for file in sent).encode(), files)
        st.rerun()


def _promise() -> str:
    taken = int(st.get_option("server.maxUploadSize")) * 2**20  # what the server takes, in MiB
    ours = limits_of().file_bytes
    most = min(ours or taken, taken)
    way = "run shareviz on your own machine" if ours else "name the file to the command line"
    limit = f" Up to {size(most)} here; larger files: {way}."
    return f"Read in memory, names and shapes only where the format allows it. Nothing is stored.{limit}"
