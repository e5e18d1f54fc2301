"""Looks that Streamlit's own theme cannot say, and colours for components."""

from __future__ import annotations

import re

import streamlit as st

from shareviz.charts.palette import IDENTITIES

_PAGE = """
<style>
.stMainBlockContainer { max-width: 82rem; }
.st-key-sv_bar { row-gap: 0; }
.stMarkdown [data-testid=stCaptionContainer] { opacity: 0.72; }  /* at 0.6, 4.2 to 1 */
.st-key-sv_tap { display: none; }
@media (hover: none), (max-width: 430px) {
  .st-key-sv_hint { display: none; }
  .st-key-sv_tap { display: flex; }
  .st-key-sv_find { width: 100%; }
}
[data-testid=stRadioOption]:not([data-selected]) > div > div:first-child { border-color: #7b8998; }
</style>
"""
# on the near-white primary colour of the dark theme, Streamlit writes and dots white
_DARK = """
<style>
[data-testid=stBaseButton-primary] * { color: #101418; }
[data-testid=stRadioOption][data-selected] > div > div:first-child > div { background: #101418; }
[data-testid=stMultiSelectTagsContainer] [data-tag] :is(span, button) { color: #101418; }
[data-testid=stCheckbox][data-selected] label > div:not([data-testid]) > div { background: #101418; }
</style>
"""


def inject() -> None:
    """Put the page's few rules into place."""
    st.html(_PAGE + (_DARK if st.context.theme.type == "dark" else ""))


def identity_css() -> str:
    """Return the rules that give components their colours in both themes.

    `--f1` is the fill of S1, `--t1` text on it, `--l1` lines; the lines follow the theme by themselves.
    """
    rules = [
        f"--f{n}:{one.fill};--t{n}:{one.text};--l{n}:light-dark({one.light},{one.dark});"
        for n, one in enumerate(IDENTITIES, 1)
    ]
    return f":host{{{''.join(rules)}}}"


def plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    marked = re.sub(r"([\\`*_{}\[\]<>#|$~]|:(?=\S)|^[-+])", r"\\\1", text)
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", marked)


def file_stem(title: str) -> str:
    """Return a short file name made of a title: gpt-12-layers-cycle-of-3."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "model"


def bold_counts(sentence: str) -> str:
    """Return a sentence as Markdown with its counts in bold, and nothing else marked."""
    return re.sub(r"(\d[\d.,]* [kMBT])\b", r"**\1**", plain(sentence))
