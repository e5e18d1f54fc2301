"""Upload formats: one file each, behind one `load`. The bytes decide, the suffix is a hint.

No uploaded code runs, and no tensor byte is read to list names, shapes and ties. Error codes:
not-a-file empty too-large unknown-format unsupported truncated malformed ambiguous compressed
encrypted unsafe-path limit bad-name pickle-only runs-code missing-companion no-tensors config
timeout memory.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from shareviz import text
from shareviz.errors import FormatError, OptionError
from shareviz.formats._base import HOSTED, LOCAL, Format, Limits, Request, Tells, limits_of, refuse
from shareviz.formats._file import File, Named, Upload, opened
from shareviz.formats._shards import gathered
from shareviz.formats._worker import read_apart
from shareviz.formats._wrong import recognise
from shareviz.plugins import collect
from shareviz.snapshot import Snapshot

__all__ = ["HOSTED", "LOCAL", "Format", "Limits", "Tells", "Upload", "formats", "limits_of", "load"]


@cache
def formats() -> Mapping[str, Format]:
    """Return the formats by module name."""
    return collect(sys.modules[__name__], "FORMAT", Format)


def load(
    path: Named, *, companions: Sequence[Named] = (), pick: str | None = None, limits: Limits = LOCAL
) -> Snapshot:
    """Return the model in a file as a Snapshot.

    Args:
        path: A path, or an `Upload` of bytes with a name, which is shown and never used as a path.
        companions: Files that belong to it, such as a `config.json` beside the weights, or shards
            beside their index; the shards beside an index on disk need not be named.
        pick: The state dict to open where a checkpoint holds several; "." takes the whole file.
        limits: How much is read before the file is refused.

    Raises:
        FormatError: The file is refused; `code` is one of the words above, `hint` what to do.
        OptionError: `pick` was given for a format that holds one model.
    """
    path, companions = gathered(path, companions, limits)
    with opened(path, limits) as file:
        try:
            apart = read_apart if limits.isolated else read
            return apart(file, Request(pick, tuple(companions)))
        except FormatError as error:
            message = f"{file.name}: {error.message}"
            raise FormatError(message, code=error.code, hint=error.hint, parts=error.parts) from error


def read(file: File, request: Request) -> Snapshot:
    """Return the model in an opened file, read in this process; `load` is the way in."""
    chosen = format_of(file)
    if request.pick is not None and not chosen.picks:
        raise OptionError(
            f"{file.name} holds one model; there is nothing to pick as {text.clean(request.pick, 40)}.",
            hint="Leave the pick out.",
        )
    snapshot = chosen.read(file, request)
    if request.companions and not chosen.beside:
        note = "The files beside it were not read: this format says by itself what it can."
        source = replace(snapshot.source, notes=(*snapshot.source.notes, note))
        return replace(snapshot, source=source)
    return snapshot


def format_of(file: File) -> Format:
    """Return the format that claims a file, or refuse it by what it is."""
    for chosen in formats().values():
        if chosen.sniff(file):
            return chosen
    wrong = recognise(file)
    if wrong is not None:
        raise wrong.error()
    known = ", ".join(chosen.title for chosen in formats().values())
    raise refuse("unknown-format", "The bytes are of no known format.", f"Open one of these: {known}.")
