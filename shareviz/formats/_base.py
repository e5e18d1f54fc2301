"""What every upload format shares: its description, the limits, and how a file is refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from shareviz.errors import FormatError, Part
from shareviz.snapshot import Snapshot

if TYPE_CHECKING:
    from shareviz.formats._file import File, Named

Code = Literal[
    "not-a-file",
    "empty",
    "too-large",
    "unknown-format",
    "unsupported",
    "truncated",
    "malformed",
    "ambiguous",
    "compressed",
    "encrypted",
    "unsafe-path",
    "limit",
    "bad-name",
    "pickle-only",
    "runs-code",
    "missing-companion",
    "no-tensors",
    "config",
    "timeout",
    "memory",
]

KIB, MIB, GIB = 2**10, 2**20, 2**30
MOST_PARTS = 100  # of a file, offered to pick from


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read before it is refused; the defaults are those of a hosted demo.

    `file_bytes` is None for no limit. `name_chars` bounds what is kept of a name; `text.clean` cuts
    what is shown to 512 of them. Work grows with a name's parts: `nesting` bounds them, twice over.
    `elements` is per tensor, `parameters` per configured model;
    `layers` … `vocabulary` bound the numbers of a `config.json`. A worker gets `worker_bytes` of
    address space, one that imports torch `config_worker_bytes`, and `cpu_seconds`, `wall_seconds`;
    `isolated` says that every file is read in one.
    """

    file_bytes: int | None = 512 * MIB
    zip_entries: int = 300_000
    pickle_bytes: int = 64 * MIB
    header_bytes: int = 32 * MIB
    tensors: int = 100_000
    name_chars: int = 8192
    dimensions: int = 32
    elements: int = 2**48
    visits: int = 300_000
    nesting: int = 64
    nodes: int = 200_000
    keys: int = 10_000
    config_bytes: int = 4 * MIB
    layers: int = 512
    experts: int = 1024
    width: int = 10**6
    vocabulary: int = 10**7
    parameters: int = 10**13
    worker_bytes: int = GIB
    config_worker_bytes: int = 4 * GIB
    cpu_seconds: int = 20
    wall_seconds: int = 30
    hash_bytes: int = 2 * GIB
    isolated: bool = True


HOSTED = Limits()
LOCAL = Limits(file_bytes=None, tensors=1_000_000, visits=5_000_000, isolated=False)


def limits_of(environment: Mapping[str, str] = os.environ) -> Limits:
    """Return HOSTED where SHAREVIZ_HOSTED is 1, else LOCAL."""
    return HOSTED if environment.get("SHAREVIZ_HOSTED") == "1" else LOCAL


@dataclass(frozen=True, slots=True)
class Tells:
    """What a format can say of a model, each in a word or a few; "no": the format cannot say."""

    tree: str
    flow: str
    ties: str
    views: str
    values: str


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked beside the file: the state dict to open, and files that belong to it."""

    pick: str | None = None
    companions: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """One upload format: how it is recognised, read and described.

    `sniff` looks at the first bytes, or a zip's directory; exactly one format may claim a file.
    `suffixes` are what such files are usually called. `picks`: one of several state dicts can be
    asked for. `beside`: a config.json beside the file adds to it. `torch`: reading imports torch.
    `source` is the specification.
    """

    name: str
    title: str
    tells: Tells
    sniff: Callable[[File], bool]
    read: Callable[[File, Request], Snapshot]
    source: str
    suffixes: tuple[str, ...] = ()
    picks: bool = False
    beside: bool = False
    torch: bool = False


def refuse(code: Code, message: str, hint: str) -> FormatError:
    """Return the error that refuses a file: what is wrong, and what to do, as one sentence each."""
    return FormatError(message, code=code, hint=hint)


def which(message: str, hint: str, parts: Iterable[Part], limits: Limits) -> FormatError:
    """Return the error that asks for a part of a file, and offers those with a name that can be shown."""
    fit = (part for part in parts if part.name and len(part.name) <= limits.name_chars)
    offered = {part.name: part for part in islice(fit, MOST_PARTS)}
    return FormatError(message, code="ambiguous", hint=hint, parts=tuple(offered.values()))
