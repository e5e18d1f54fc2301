"""Open a file: the bytes decide what it is, and a refusal is one sentence with a way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from shareviz.errors import FormatError, Part, SharevizError
from shareviz.formats import Upload, limits_of, load
from shareviz.sharing import tied_groups
from shareviz.snapshot import Snapshot
from shareviz.text import clean, plural, size
from shareviz.ui import shown, state, theme

FILES, PICK, OPENED = "sv_files", "sv_pick", "sv_opened"
EVERYTHING, WHOLE = "Everything in the file", "."
MOST_BUTTONS = 6
HELP = "Weights, a checkpoint, a config.json, or a saved snapshot. Files that belong together go together."


def draw_file() -> None:
    """Draw the uploader and what came of it."""
    sent = st.file_uploader("Files", accept_multiple_files=True, key=FILES, help=HELP)
    st.caption(_promise())
    if sent:
        with shown.errors():
            _draw_opened(sent)


def _draw_opened(sent: Sequence[Any]) -> None:
    """Draw what was found; of several models in a file, first the question which."""
    try:
        _offer(_opened(sent, None), sent, None)
    except FormatError as error:
        if not error.parts:
            raise
        pick = _which(error.parts, uploads([(file.name, b"") for file in sent])[0].name)
        if pick is not None:
            _offer(_opened(sent, pick), sent, pick)


def _which(parts: Sequence[Part], name: str) -> str | None:
    """Ask which part of a file to open, and return its name, None until one is chosen."""
    st.markdown(f"**{theme.plain(clean(name, 80))}** holds more than one model.")
    names = labels(parts)
    if len(names) <= MOST_BUTTONS:
        chosen = st.radio("Which part?", list(names), index=None, key=PICK)
    else:
        chosen = st.selectbox("Which part?", list(names), index=None, key=PICK, placeholder="Choose one")
    return names.get(chosen or "")


def labels(parts: Sequence[Part]) -> Mapping[str, str]:
    """Return what is offered, each in other words, and the part that it opens: the whole file last.

    Example:
        >>> dict(labels([Part("teacher", 2), Part("net")]))
        {'teacher · 2 tensors': 'teacher', 'net': 'net', 'Everything in the file': '.'}
    """
    found: dict[str, str] = {}
    for part in parts:
        many = "" if part.tensors is None else f" · {plural(part.tensors, 'tensor')}"
        label = f"{theme.plain(clean(part.name, 60))}{many}"
        while label in found:  # names that differ only in what is not shown
            label += " (another)"
        found[label] = part.name
    return found | {EVERYTHING: WHOLE}


def uploads(sent: Sequence[tuple[str, bytes]]) -> tuple[Upload, ...]:
    """Return files in the order in which they are read: an index, then weights, then descriptions."""

    def rank(item: tuple[str, bytes]) -> tuple[int, str]:
        name = item[0].lower()
        if name.endswith(".index.json"):
            return 0, name
        return (2 if name.endswith(".json") and not name.endswith(".shareviz.json") else 1), name

    return tuple(Upload(name, data) for name, data in sorted(sent, key=rank))


def _opened(sent: Sequence[Any], pick: str | None) -> Snapshot:
    """Return the model in the files; reading them again on each click would be wasted."""
    files = tuple(file.file_id for file in sent)
    held: dict[Any, Snapshot | SharevizError] = st.session_state.get(OPENED, {})
    st.session_state[OPENED] = held = {mark: held[mark] for mark in held if mark[0] == files}
    if (files, pick) not in held:
        first, *rest = uploads([(file.name, file.getvalue()) for file in sent])
        try:
            with st.spinner("Reading header…"):
                held[files, pick] = load(first, companions=rest, pick=pick, limits=limits_of())
        except SharevizError as error:
            held[files, pick] = error
    came = held[files, pick]
    if isinstance(came, SharevizError):
        raise came
    return came


def found(snapshot: Snapshot) -> str:
    """Return what a file holds: 723 tensors, 2 ties found."""
    ties = len(tied_groups(snapshot))
    said = plural(ties, "tie") if ties else "no ties"
    return f"{plural(len(snapshot.tensors), 'tensor')}, {said} found"


def _offer(snapshot: Snapshot, sent: Sequence[Any], pick: str | None) -> None:
    st.markdown(f"**{theme.plain(snapshot.source.title)}**: {found(snapshot)}.")
    st.markdown("\n".join(f"- {theme.plain(note)}" for note in snapshot.source.notes))
    if st.button("Show this model", type="primary", icon=":material/check:"):
        files = state.Kept(uploads([(file.name, file.getvalue()) for file in sent]), pick)
        state.keep_upload(snapshot, "".join(file.file_id for file in sent).encode(), files)
        st.rerun()


def _promise() -> str:
    taken = int(st.get_option("server.maxUploadSize")) * 2**20  # what the server takes, in MiB
    ours = limits_of().file_bytes
    most = min(ours or taken, taken)
    way = "run shareviz on your own machine" if ours else "name the file to the command line"
    limit = f" Up to {size(most)} here; larger files: {way}."
    return f"Read in memory, names and shapes only where the format allows it. Nothing is stored.{limit}"
