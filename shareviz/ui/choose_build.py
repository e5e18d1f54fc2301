"""The builder of the dialog: a family, its turns, a way to share, and what that stores."""

from __future__ import annotations

from typing import Any

import streamlit as st

from shareviz.design import Preset, presets
from shareviz.mapview import picture
from shareviz.mapview.mini import mini_svg
from shareviz.models import catalogue
from shareviz.options import Option, Value, parse, unparse
from shareviz.snapshot import Snapshot
from shareviz.ui import cache, library, shown, state, theme, warm
from shareviz.ui.choose_example import said

FAMILY, SHARING = "sv_family", "sv_sharing"
SLIDES = 128  # a number with more steps than this is typed


def draw_build() -> None:
    """Draw the builder; its counts are captures of the model, never formulas."""
    families = [name for name in catalogue() if name != "layers"]
    now, given = parse(state.model())
    first = families.index(now) if now in families else families.index("language_model")
    family = st.selectbox("Family", families, first, format_func=_title, key=FAMILY)
    st.caption(catalogue()[family].summary)
    options = catalogue()[family].options
    values = _turns(family, options, given if family == now else {})
    with shown.errors():
        text = unparse(family, options, values)
        with st.spinner("Counting…" if warm.ready() else "Loading torch, about five seconds…"):
            snapshot = library.built(text)
        _offer(text, snapshot)


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


def _offer(text: str, snapshot: Snapshot) -> None:
    """Draw the ways to share, the live line, and the button that chooses the model."""
    ways = {preset.key: preset for preset in cache.of(presets, snapshot)}
    chosen = st.selectbox("Sharing", list(ways), format_func=lambda key: ways[key].title, key=SHARING)
    preset = ways[chosen]
    after = cache.of(_shared, snapshot, preset)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(mini_svg(cache.of(picture, after)), width=160)
        st.markdown(f"**{theme.plain(snapshot.source.title)}**  \n{said(after)}", width="content")
        st.space("stretch")
        if st.button("Use this model", type="primary", icon=":material/check:"):
            state.set_model(library.built_ref(text))
            state.set_design(preset.design.text)
            st.rerun()


def _shared(snapshot: Snapshot, preset: Preset) -> Snapshot:
    return preset.design.plan(snapshot).apply(snapshot)
