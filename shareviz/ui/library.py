"""Models by the text of a link: examples, catalogue builds, and this session's upload."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from shareviz.errors import OptionError
from shareviz.jsonio import from_json
from shareviz.models import build, canonical, catalogue, snapshot_of
from shareviz.options import parse
from shareviz.snapshot import Snapshot
from shareviz.text import clean

if TYPE_CHECKING:
    from torch import nn

DEFAULT = "gpt12-cycle3"
SHOWN, GIVEN = (
    "SHAREVIZ_MODEL",
    "given",
)  # a snapshot file that this app was started to show; its text in links
UPLOAD = "upload"
FOLDER = Path(__file__).parent.parent / "examples"
SUFFIX = ".shareviz.json"

Live = Callable[..., "nn.Module"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model as the bar names it. `live` builds its module, on meta unless told otherwise."""

    ref: str
    title: str
    badge: str
    snapshot: Snapshot
    live: Live | None = None


def examples() -> tuple[str, ...]:
    """Return the names of the examples, the default first."""
    names = sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))
    return tuple(sorted(names, key=lambda name: name != DEFAULT))


@st.cache_resource(max_entries=32, show_spinner=False)
def example(name: str) -> Snapshot:
    """Return a saved example; nothing else than the standard library is needed to read it."""
    return from_json((FOLDER / f"{name}{SUFFIX}").read_bytes())


@st.cache_resource(max_entries=32, show_spinner=False)
def built(text: str) -> Snapshot:
    """Return a catalogue model as data, built and traced on meta."""
    return snapshot_of(text)


def default() -> str:
    """Return the text of the model that a visitor sees first: the given one, where there is one."""
    return GIVEN if os.environ.get(SHOWN) else DEFAULT


@st.cache_resource(max_entries=1, show_spinner=False)
def given(path: str) -> Snapshot:
    """Return the snapshot in the file that this app was started to show.

    Raises:
        OptionError: The file is gone.
    """
    try:
        return from_json(Path(path).read_bytes())
    except OSError as error:
        raise OptionError("The snapshot of this app is gone.", hint="Call shareviz.explore again.") from error


def find(ref: str, uploads: Mapping[str, Snapshot]) -> Chosen:
    """Return the model that a link names.

    Raises:
        OptionError: No example and no family has this name, or an option is out of range.
        UploadGone: The link points to an upload of another session.
    """
    if ref.partition(":")[0] == UPLOAD:
        return _uploaded(uploads)
    path = os.environ.get(SHOWN)
    if ref == GIVEN and path:
        snapshot = given(path)
        return Chosen(GIVEN, clean(snapshot.source.title, 80), "module", snapshot)
    if ref in examples():
        snapshot = example(ref)
        return Chosen(ref, snapshot.source.title, "example", snapshot)
    name, _ = parse(ref)
    if name not in catalogue():
        raise OptionError(f"There is no model {clean(name, 40)!r}.", hint="Choose one with Change model.")
    text = canonical(ref)
    snapshot = built(text)
    return Chosen(built_ref(text), snapshot.source.title, "built", snapshot, _builder(text))


def built_ref(text: str) -> str:
    """Return the text of a build in a link: with "?" at its end where an example has the same name.

    The catalogue reads both spellings alike.
    """
    return f"{text}?" if text in examples() else text


class UploadGone(OptionError):
    """A link to an upload, which only the session that opened the file could show."""

    def __init__(self) -> None:
        super().__init__(
            "This link points to an uploaded model. Uploads are not kept.",
            code="upload-gone",
            hint="Ask for its snapshot file and open it.",
        )


def _uploaded(uploads: Mapping[str, Snapshot]) -> Chosen:
    held = next(iter(uploads.items()), None)
    if held is None:
        raise UploadGone
    key, snapshot = held
    return Chosen(key, clean(snapshot.source.title, 80), "file", snapshot)


def _builder(text: str) -> Live:
    def live(**given: Any) -> nn.Module:
        return build(text, **given)

    return live
