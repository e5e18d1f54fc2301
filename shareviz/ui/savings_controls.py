"""The turns of the savings page: the strategy, its options, the assumptions. Each sets the design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import zip_longest
from typing import Any

import streamlit as st

from shareviz.assumptions import ASSUMPTIONS, OPTIMIZERS, Assumptions
from shareviz.design import Design, Step
from shareviz.errors import OptionError
from shareviz.options import Option, Value, settle
from shareviz.savings import Comparison
from shareviz.snapshot import Snapshot
from shareviz.strategies import applies, strategies
from shareviz.tabletext import Table
from shareviz.turns import choices
from shareviz.ui import linked, state
from shareviz.ui.view import View

STRATEGY, ASSUMED = "st", "a"  # keys of the link
KV = ("kv_heads", "kv_layers")  # assumptions with a control of their own
MORE = "sv_more"  # the ways behind the first row of pills
OWN = "own"  # the pill of a design that no preset gives
TIED, UNTIED = "token table", "own"
QUIET = ("apart", "tied")  # steps that stand before a strategy


def pick_preset(view: View, shown: Comparison) -> None:
    """Draw the pills of strategies; the chosen one becomes the design, the design the chosen one."""
    now = shown.now.preset
    titles = {one.preset.key: one.preset.title for one in shown.offered}
    more = {one.preset.key for one in shown.offered if one.preset.more}
    texts = {one.preset.key: one.preset.design.text for one in shown.offered}
    if now.key == OWN:
        titles[OWN] = "Own plan" if view.design.text else now.title
        texts[OWN] = view.design.text
    wanted = linked.arrived(STRATEGY, texts)
    if wanted and wanted != now.key and not view.design.text:  # a link with `st` alone
        state.set_design(texts[wanted])
        st.rerun()
    st.session_state[STRATEGY] = now.key
    st.pills(
        "Start from a strategy",
        [key for key in titles if key not in more or key == now.key],
        required=True,
        format_func=titles.__getitem__,
        key=STRATEGY,
        on_change=_choose,
        args=(STRATEGY, texts),
    )
    if more:
        _pick_more({key: titles[key] for key in titles if key in more}, texts, now.key)
    linked.write(STRATEGY, None if now.key == OWN else now.key)


def _pick_more(titles: Mapping[str, str], texts: Mapping[str, str], now: str) -> None:
    """Draw the ways behind the first row; the chosen one joins that row."""
    with st.popover("More ways", icon=":material/more_horiz:", type="tertiary"):
        st.session_state[MORE] = now if now in titles else None
        st.pills(
            "More ways",
            list(titles),
            format_func=titles.__getitem__,
            key=MORE,
            label_visibility="collapsed",
            on_change=_choose,
            args=(MORE, texts),
        )


def _choose(key: str, texts: Mapping[str, str]) -> None:
    chosen = str(st.session_state.get(key))
    if chosen in texts:
        state.set_design(texts[chosen])


def draw_options(view: View, design: Design) -> None:
    """Draw the options of the strategies in use, and whether the head is the token table."""
    if design.painted is not None:
        st.markdown("This plan was made cell by cell. A strategy above starts over.")
        if isinstance(design.painted, Table) and design.painted.tie is not None:
            _draw_tie(design)
        return
    bare = _bare(view.before, design)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="sv_turns"):
        for step in design.steps:
            if step.strategy not in QUIET:
                _draw_step(design, step, bare)
        if not applies(strategies()["tied"], bare, {"tables": "all"}):
            _draw_tie(design)


def _draw_step(design: Design, step: Step, bare: Snapshot) -> None:
    strategy = strategies()[step.strategy]
    for option in strategy.options:
        offered = choices(strategy, option, step.values, bare)
        if len(offered) > 1 and step.values[option.name] in offered:
            _draw_option(design, step, option, offered)


def _bare(before: Snapshot, design: Design) -> Snapshot:
    """Return the model that the design's strategies start from."""
    apart = design.steps[:1] if design.steps and design.steps[0].strategy == "apart" else ()
    return Design(apart).plan(before).apply(before)


def _draw_option(design: Design, step: Step, option: Option, offered: Sequence[Value]) -> None:
    key = f"sv_turn_{step.strategy}_{option.name}"
    st.session_state[key] = step.values[option.name]
    given: Any = {"key": key, "help": option.help, "on_change": _turn}
    given["args"] = (design, step, option.name, key)
    if len(option.choices) > 2:
        st.selectbox(option.title, offered, width=150, **given)
    elif option.choices or len(offered) <= 4:
        st.segmented_control(option.title, offered, required=True, **given)
    else:
        st.select_slider(option.title, offered, width=170, **given)


def _turn(design: Design, step: Step, name: str, key: str) -> None:
    value = st.session_state.get(key)
    if value is None:
        return
    strategy = strategies()[step.strategy]
    values = settle(strategy.options, {**step.values, name: value})
    turned = Step(step.strategy, tuple(values.items()))
    state.set_design(Design(tuple(turned if one == step else one for one in design.steps)).text)


def _draw_tie(design: Design) -> None:
    key = "sv_turn_tied"
    st.session_state[key] = TIED if _is_tied(design) else UNTIED
    st.segmented_control(
        "Output head",
        (TIED, UNTIED),
        required=True,
        key=key,
        help="One table for input and output. It saves the table once, and no compute.",
        on_change=_tie,
        args=(design, key),
    )


def _is_tied(design: Design) -> bool:
    if isinstance(design.painted, Table):
        return bool(design.painted.tie)
    return any(step.strategy == "tied" for step in design.steps)


def _tie(design: Design, key: str) -> None:
    if isinstance(design.painted, Table):
        table = replace(design.painted, tie=st.session_state.get(key) == TIED)
        return state.set_design(Design(painted=table).text)
    rest = [step for step in design.steps if step.strategy != "tied"]
    if st.session_state.get(key) == TIED:
        apart = rest[:1] if rest and rest[0].strategy == "apart" else []
        tied = Step("tied", tuple(settle(strategies()["tied"].options, {}).items()))
        rest = [*apart, tied, *rest[len(apart) :]]
    state.set_design(Design(tuple(rest)).text)


def assumptions() -> Assumptions:
    """Draw the popover of assumptions and return them; the link carries them as one short text."""
    with st.popover("Assumptions", icon=":material/tune:", type="tertiary"):
        fields = st.container()
        text = st.text_input(
            "As text", key=ASSUMED, bind="query-params", max_chars=200, placeholder="dtype=bfloat16&batch=16"
        )
        try:
            given = Assumptions.parse(text or "")
        except OptionError as error:
            st.error(str(error), icon=":material/error:")
            given = Assumptions()
        with fields:
            _draw_assumptions(given)
    return given


def _draw_assumptions(given: Assumptions) -> None:
    shown = [option for option in ASSUMPTIONS if option.name not in KV]
    for left, right in zip_longest(shown[::2], shown[1::2]):
        for column, option in zip(st.columns(2), (left, right), strict=True):
            if option is not None:
                with column:
                    _draw_assumption(given, option)


def _draw_assumption(given: Assumptions, option: Option) -> None:
    key, value = f"sv_assume_{option.name}", asdict(given)[option.name]
    st.session_state[key] = value
    if option.choices:
        words = {name: said for name, (said, _) in OPTIMIZERS.items()}
        st.selectbox(
            option.title,
            option.choices,
            format_func=lambda one: words.get(one, one),
            key=key,
            help=option.help,
            on_change=assume,
            args=(given, option.name, key),
        )
        return
    st.number_input(
        option.title,
        type(value)(option.low or 0),
        type(value)(option.high or 1),
        step=type(value)(option.step),
        key=key,
        help=option.help,
        on_change=assume,
        args=(given, option.name, key),
    )


def assume(given: Assumptions, name: str, key: str) -> None:
    """Take one assumption from its widget into the text that the link carries."""
    value = st.session_state.get(key)
    if value is not None:
        st.session_state[ASSUMED] = Assumptions(**{**asdict(given), name: value}).text
