"""What pages compute once: pictures, tallies and tables of a Snapshot, kept by the Snapshot itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

import streamlit as st

from shareviz.snapshot import Snapshot

T = TypeVar("T")
MOST = 256


class Kept:
    """Results by function and Snapshot object; holding the object keeps its address from being reused."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[Any, ...], tuple[Snapshot, Any]] = OrderedDict()
        self._lock = Lock()

    def get(self, make: Callable[..., T], snapshot: Snapshot, given: tuple[Any, ...]) -> T:
        """Return `make(snapshot, *given)`, computed once."""
        key = (make, id(snapshot), given)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][1]  # type: ignore[no-any-return]
        made = make(snapshot, *given)
        with self._lock:
            self._held[key] = (snapshot, made)
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        return made


@st.cache_resource(show_spinner=False)
def _kept() -> Kept:
    return Kept()


def of(make: Callable[..., T], snapshot: Snapshot, *given: Any) -> T:
    """Return what a pure function makes of a Snapshot, from memory where it was asked before.

    Comparing two Snapshots costs as much as most of these functions, so the object is the key:
    `library` and `frame` hand out one object for one model and design.
    """
    return _kept().get(make, snapshot, given)
