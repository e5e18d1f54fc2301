"""The builder of the dialog: a family and its turns, or a table of layers; a way to share; what it stores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import streamlit as st

from shareviz.design import Design, presets
from shareviz.mapview import picture
from shareviz.mapview.mini import mini_svg
from shareviz.models import catalogue
from shareviz.options import Option, Value, parse, unparse
from shareviz.snapshot import Snapshot
from shareviz.ui import cache, choose_layers, library, shown, state, theme, warm
from shareviz.ui.choose_example import said

WAY, FAMILY, SHARING = "sv_build", "sv_family", "sv_sharing"
FAMILIES, LAYERS = "Family", "Layer by layer"
SLIDES = 128  # a number with more steps than this is typed


def draw_build() -> None:
    """Draw the builder; its counts are captures of the model, never formulas."""
    now, _ = parse(state.model())
    st.session_state.setdefault(WAY, LAYERS if now == choose_layers.NAME else FAMILIES)
    way = st.segmented_control(
        "Build", [FAMILIES, LAYERS], key=WAY, required=True, label_visibility="collapsed"
    )
    with shown.errors():
        if way == LAYERS:
            with _patience():
                laid = choose_layers.draw_table()
            if laid is not None:
                _offer(laid.text, laid.snapshot, laid.design)
        else:
            _draw_family()


def _draw_family() -> None:
    families = [name for name in catalogue() if name != choose_layers.NAME]
    now, given = parse(state.model())
    first = families.index(now) if now in families else families.index("language_model")
    family = st.selectbox("Family", families, first, format_func=_title, key=FAMILY)
    st.caption(catalogue()[family].summary)
    options = catalogue()[family].options
    values = _turns(family, options, given if family == now else {})
    with shown.errors():
        text = unparse(family, options, values)
        with _patience():
            snapshot = library.built(text)
        _offer(text, snapshot, lambda way: way)


def _patience() -> AbstractContextManager[Any]:
    return st.spinner("Counting…" if warm.ready() else "Loading torch, about five seconds…")


def _title(family: str) -> str:
    return catalogue()[family].title


def _turns(family: str, options: tuple[Option, ...], given: dict[str, str]) -> dict[str, Value]:
    grid = st.grid(3, min_column_width=180)
    return {option.name: _turn(grid, family, option, given.get(option.name)) for option in options}


def _turn(grid: Any, family: str, option: Option, given: str | None) -> Value:
    """Draw one turn at its given or default value and return it."""
    start = option.default if given is None else option.check(given)
    shared = {"label": option.title, "key": f"sv_turn_{family}_{option.name}", "help": option.help or None}
    if option.choices:
        return str(grid.selectbox(options=option.choices, index=option.choices.index(str(start)), **shared))
    if isinstance(start, bool):
        return bool(grid.toggle(value=start, **shared))
    kind = float if isinstance(option.default, float) else int
    low, high, step = (kind(number or 0) for number in (option.low, option.high, option.step))
    draw = grid.slider if high - low <= SLIDES * step else grid.number_input
    return kind(draw(min_value=low, max_value=high, value=kind(start), step=step, **shared))


def _offer(text: str, snapshot: Snapshot, finished: Callable[[Design], Design]) -> None:
    """Draw the ways to share, the live line, and the button that chooses the model.

    Args:
        finished: The design that becomes of a way to share.
    """
    ways = {preset.key: preset for preset in cache.of(presets, snapshot)}
    if SHARING not in st.session_state and parse(state.model())[0] == parse(text)[0]:
        shown_now = Design.parse(state.design())
        now = [key for key, preset in ways.items() if preset.design == shown_now]
        st.session_state[SHARING] = (now or list(ways))[0]
    chosen = st.selectbox("Sharing", list(ways), format_func=lambda key: ways[key].title, key=SHARING)
    design = finished(ways[chosen].design)
    after = cache.of(_shared, snapshot, design)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(mini_svg(cache.of(picture, after)), width=160)
        st.markdown(f"**{theme.plain(snapshot.source.title)}**  \n{said(after)}", width="content")
        st.space("stretch")
        if st.button("Use this model", type="primary", icon=":material/check:"):
            state.set_model(library.built_ref(text))
            state.set_design(design.text)
            st.rerun()


def _shared(snapshot: Snapshot, design: Design) -> Snapshot:
    return design.plan(snapshot).apply(snapshot)
