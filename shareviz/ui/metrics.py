"""The four counts of a model in one bordered row."""

from __future__ import annotations

import streamlit as st

from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import count, exact
from shareviz.ui import cache

STORED = (
    "Every storage counted once. Weights on disk, gradients, optimizer state and all-reduce follow "
    "this number."
)
USED = "Every use counted. FLOPs and activations follow this number."
NON_EMBEDDING = "Stored, without token and position tables."
TRAINABLE = "requires_grad, each storage counted once."


def draw_counts(snapshot: Snapshot) -> None:
    """Draw stored, used, non-embedding and trainable, each with what it means and the exact number."""
    counts = cache.of(tally, snapshot)
    shown = (
        ("Stored", counts.stored, STORED),
        ("Used", counts.used, USED),
        ("Non-embedding", counts.non_embedding, NON_EMBEDDING),
        ("Trainable", counts.trainable, TRAINABLE),
    )
    with st.container(border=True, key="sv_counts"):
        grid = st.grid(4, min_column_width=130)
        for label, number, meaning in shown:
            said = meaning if number is not None else f"{meaning} This source cannot say."
            grid.metric(
                label, count(number), help=f"{said} Exactly {exact(number)}." if number is not None else said
            )
