"""The link: which keys a page knows, and whether the address or the session is newer.

`m` model, `p` plan, `s` set belong to the frame; the other keys belong to one page each. A link never
holds weights, file names or names of uploaded tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FRAME_KEYS = ("m", "p", "s")
PAGE_KEYS: Mapping[str, frozenset[str]] = {
    "": frozenset({"g", "q"}),
    "savings": frozenset({"st", "a"}),
    "training": frozenset({"task", "mod", "v", "seeds", "lr", "dev", "job"}),
    "checks": frozenset({"f", "cmp"}),
}
ANY_KEY = frozenset({"learn"})  # each lesson has turns of its own
LONGEST = 8_000  # characters of one value; servers and chats cut longer links
SETTLE_SECONDS = 2.0

Link = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """What the frame last wrote, what stood there before, and when (seconds of a monotonic clock)."""

    link: Link
    before: Link
    at: float


def link_of(params: Mapping[str, str]) -> Link:
    """Return the frame's part of the address; a value that is too long counts as none."""
    m, p, s = (params.get(key, "") for key in FRAME_KEYS)
    return tuple(value if len(value) <= LONGEST else "" for value in (m, p, s))  # type: ignore[return-value]


def adopts(link: Link, written: Written | None, now: float) -> bool:
    """Whether the address is newer than the session: opened, or reached with Back or Forward.

    A click in the top bar drops every key, so an empty address is not news, but an address that was
    just replaced may still arrive once, when somebody clicks twice quickly.
    """
    if written is None:
        return any(link)
    stale = link == written.before and now - written.at < SETTLE_SECONDS
    return any(link) and link != written.link and not stale


def unknown(params: Iterable[str], page: str) -> tuple[str, ...]:
    """Return the keys that this page does not have."""
    if page in ANY_KEY:
        return ()
    known = PAGE_KEYS.get(page, frozenset()).union(FRAME_KEYS)
    return tuple(key for key in params if key not in known)
