"""The control of shared keys and values: heads that are cached, layers that read one cache."""

from __future__ import annotations

import streamlit as st

from shareviz.assumptions import Assumptions
from shareviz.kv import cached_layers, offered_heads
from shareviz.snapshot import Snapshot
from shareviz.ui import cache
from shareviz.ui.savings_controls import assume

SAID = (
    "Shares activations, not parameters: only the KV row changes. Weights, gradients, optimizer state and "
    "FLOPs stay. It has to be built into a model and trained."
)
MEASURED = (
    "Two layers for one cache halve it at about equal perplexity in models of 1B and 3B; more than two do "
    "worse. :gray[Brandon et al. 2024, arXiv 2405.12981]"
)
HEADS = (
    "Groups of heads: quality close to full attention, almost as fast as one KV head. :gray[Ainslie et al. "
    "2023, arXiv 2305.13245]"
)
MOST_LAYERS = 8


def kv_sharing(snapshot: Snapshot, given: Assumptions) -> Assumptions:
    """Draw the control where the model caches keys and values; return the assumptions as they stand."""
    layers = cache.of(cached_layers, snapshot)
    if not layers:
        return given.without_kv_sharing
    label = "KV sharing" if not given.shares_kv else "KV sharing: on"
    with st.popover(label, icon=":material/memory:", type="tertiary"):
        st.markdown(SAID)
        _heads(cache.of(offered_heads, snapshot), given)
        _layers(layers, given)
        st.markdown(f"{HEADS}\n\n{MEASURED}")
    return given


def _heads(offered: tuple[int, ...], given: Assumptions) -> None:
    if len(offered) < 2:
        return
    key, own = "sv_assume_kv_heads", offered[-1]
    st.session_state[key] = given.kv_heads if given.kv_heads in offered[:-1] else 0
    st.select_slider(
        "KV heads",
        (*offered[:-1], 0),
        format_func=lambda heads: f"{own}, as it is" if heads == 0 else str(heads),
        key=key,
        on_change=assume,
        args=(given, "kv_heads", key),
    )


def _layers(layers: int, given: Assumptions) -> None:
    key, most = "sv_assume_kv_layers", min(MOST_LAYERS, layers)
    if most < 2:
        return
    st.session_state[key] = min(given.kv_layers, most)
    st.select_slider(
        "Layers per cache",
        range(1, most + 1),
        key=key,
        on_change=assume,
        args=(given, "kv_layers", key),
    )
