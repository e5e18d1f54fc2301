"""The shards that an index names, found among the files given or beside the index on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Limits, refuse
from shareviz.formats._file import File, Named, opened, shown_name
from shareviz.formats._json import At, parse
from shareviz.formats._slots import check_name, too_many

_WEIGHT_MAP = re.compile(rb'"weight_map"\s*:')
_SHARD_CHARS = 255  # the longest name of a file on common disks
_HINT = "Give the index of the checkpoint with all of its shards."


def is_index(file: File) -> bool:
    """Whether this is JSON that maps names to shards, by its first bytes or by its name."""
    named = file.name.lower().endswith(".index.json")
    return file.is_json and (named or _WEIGHT_MAP.search(file.head) is not None)


def weight_map(file: File) -> Mapping[str, str]:
    """Return the shard of each name.

    Raises:
        FormatError: limit, malformed, ambiguous (a name twice), unsafe-path (a shard elsewhere).
    """
    limits = file.limits
    if file.size > limits.header_bytes:
        have, most = text.size(file.size), text.size(limits.header_bytes)
        raise refuse("limit", f"The index has {have}; at most {most} are read.", _HINT)
    entries = At(parse(file.at(0, file.size), what="The index"), "The index", limits)["weight_map"]
    if len(entries.fields()) > limits.tensors:
        raise too_many(limits)
    found = {}
    for name in entries.fields():
        check_name(name, limits)
        found[name] = entries[name].words(_SHARD_CHARS)
    for shard in set(found.values()):
        _check_shard(shard)
    return found


def gathered(path: Named, companions: Sequence[Named], limits: Limits) -> tuple[Named, tuple[Named, ...]]:
    """Return the files of a checkpoint with its index first, and the shards that lie beside it on disk.

    Without an index among them, the files are returned as they are.
    """
    given = [path, *companions]
    lead = next((file for file in given if _leads(file, limits)), path)
    rest = [file for file in given if file is not lead]
    if isinstance(lead, (str, os.PathLike)) and _leads(lead, limits):
        rest += _siblings(Path(lead), {name_of(file) for file in rest}, limits)
    return lead, tuple(rest)


def name_of(file: Named) -> str:
    """Return the name of a file without its folders."""
    return shown_name(os.fspath(file) if isinstance(file, (str, os.PathLike)) else file.name)


def _leads(file: Named, limits: Limits) -> bool:
    try:
        with opened(file, limits) as stream:
            return is_index(stream)
    except FormatError:
        return False  # what is wrong with it is said where it is read


def _siblings(index: Path, known: set[str], limits: Limits) -> Iterator[Path]:
    with opened(index, limits) as file:
        try:
            shards = sorted(set(weight_map(file).values()))
        except FormatError:
            return
    for shard in shards:
        beside = index.parent / shard  # a plain name: weight_map refuses any other
        if shown_name(shard) not in known and beside.is_file():
            yield beside


def _check_shard(shard: str) -> None:
    if not shard or shard in (".", "..") or re.search(r"[/\\:\0]", shard):
        raise refuse(
            "unsafe-path",
            f"The index names the shard {text.clean(shard, 80)}; shards lie beside their index.",
            "Do not use this index; ask its author for a clean one.",
        )
