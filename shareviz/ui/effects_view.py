"""What others measured of sharing as the present plan does; where sources disagree, side by side."""

from __future__ import annotations

import streamlit as st

from shareviz.effects import NOTHING_KNOWN, Effect, Finds, Topic, effects_of
from shareviz.shared import shared_words
from shareviz.ui import cache, theme
from shareviz.ui.view import View

FIRST = 1  # topics that stand open
QUIET = frozenset(("writes text", "images"))  # what a model is, not what it shares


def draw_effects(view: View) -> None:
    """Draw the published effects for what the model of the page shares; nothing where it shares nothing."""
    if not cache.of(shared_words, view.after) - QUIET:
        return
    topics = cache.of(effects_of, view.after)
    st.markdown("**What others measured**")
    if not topics:
        st.markdown(f"{NOTHING_KNOWN.capitalize()}.")
        return
    for topic in topics[:FIRST]:
        draw_topic(topic)
    if topics[FIRST:]:
        with st.expander(f"{len(topics) - FIRST} more of what is shared here"):
            for topic in topics[FIRST:]:
                draw_topic(topic)


def draw_topic(topic: Topic) -> None:
    """Draw one topic: its effects below each other, or those that disagree beside each other."""
    said = f"{topic.title[:1].upper()}{topic.title[1:]}"
    if not topic.disputed:
        st.markdown(f"*{theme.plain(said)}*")
        for effect in topic.effects:
            st.markdown(line(effect))
        return
    st.markdown(f"*{theme.plain(said)}*: sources differ")
    good = [effect for effect in topic.effects if effect.finds in (Finds.BETTER, Finds.EQUAL)]
    other = [effect for effect in topic.effects if effect not in good]
    if not good or not other:
        good, other = list(topic.effects[::2]), list(topic.effects[1::2])
    for column, effects in zip(st.columns(2), (good, other), strict=True):
        with column:
            for effect in effects:
                st.markdown(line(effect))


def line(effect: Effect) -> str:
    """Return an effect as Markdown: the finding, what it says, on what, and where it stands."""
    finds = effect.finds.value.capitalize()
    where = effect.where[:1].upper() + effect.where[1:]
    said = f"**{finds}.** {theme.plain(effect.text)} {theme.plain(where)}."
    return f"{said} :gray[{theme.plain(effect.source)}]"
