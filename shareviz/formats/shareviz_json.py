"""A saved Snapshot: names, shapes, ties, steps, and no weights."""

from __future__ import annotations

from shareviz import text
from shareviz.formats._base import Format, Request, Tells, refuse
from shareviz.formats._file import File
from shareviz.jsonio import SNAPSHOT, from_json
from shareviz.snapshot import Snapshot


def sniff(file: File) -> bool:
    """Whether the start of a JSON object says that it is a Snapshot, or the suffix does."""
    return file.is_json and (f'"{SNAPSHOT}"'.encode() in file.head or file.suffix in FORMAT.suffixes)


def read(file: File, request: Request) -> Snapshot:
    """Return the Snapshot as it was saved, its source included."""
    if file.size > file.limits.header_bytes:
        have, most = text.size(file.size), text.size(file.limits.header_bytes)
        raise refuse("limit", f"The snapshot has {have}; at most {most} are read.", "Save a smaller part.")
    return from_json(file.at(0, file.size), file.limits)


FORMAT = Format(
    name="shareviz",
    title="shareviz snapshot (.shareviz.json)",
    tells=Tells(tree="yes", flow="yes, where it was traced", ties="yes", views="yes", values="no"),
    sniff=sniff,
    read=read,
    source="shareviz/jsonio.py",
    suffixes=(".shareviz.json",),
)
