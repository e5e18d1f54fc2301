"""Torch in the background: the first page stands without it, the second thing a person does needs it."""

from __future__ import annotations

import gc
import os
import threading
import time

import streamlit as st

REST = 1.0  # seconds for the first page to reach the browser before the import takes the interpreter


class Warmth:
    """One background import of torch for the whole process."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._import, name="warm-torch", daemon=True)

    def _import(self) -> None:
        time.sleep(REST)
        import torch
        import torch.nn.utils.parametrize  # noqa: F401

        gc.freeze()  # half a million objects that no collection needs to visit again
        self.done.set()


@st.cache_resource(show_spinner=False)
def _warmth() -> Warmth:
    return Warmth()


@st.cache_resource(show_spinner=False)
def start() -> None:
    """Begin the import once per process; `SHAREVIZ_WARM=0` leaves it to the first use."""
    if os.environ.get("SHAREVIZ_WARM") != "0":
        _warmth().thread.start()


def ready() -> bool:
    """Whether torch stands ready, so that a build takes milliseconds and not seconds."""
    return _warmth().done.is_set()
