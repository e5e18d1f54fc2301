"""What the Checks page shows first: findings, what was asked, declared against actual ties."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial

import streamlit as st

from shareviz.checks import Check, Finding, Level, check, checks, worst_first
from shareviz.checks.declared import Declared, table
from shareviz.lock import make_lock
from shareviz.sets import shared_sets
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, exact, plural
from shareviz.ui import cache, frame, library, lost_ties_view, theme
from shareviz.ui.frame import Export, View
from shareviz.ui.svrows import Cell, draw_rows, marked

ICONS = {Level.PROBLEM: "error", Level.NOTE: "warning", Level.OK: "check_circle"}
COLORS = {Level.PROBLEM: "red", Level.NOTE: "orange", Level.OK: "green"}
_SAID = {Level.PROBLEM: "Problem", Level.NOTE: "Note", Level.OK: "OK"}
MEANT = "sv_meant"
NOT_ASKED = Cell("not asked: reads values", "–")
MOST_NAMES = 12


def found(view: View) -> tuple[Finding, ...]:
    """Return the findings of the model at hand; a note that was marked as intended is in order."""
    meant = st.session_state.get(MEANT, frozenset())
    said = (*cache.of(check, view.after), *lost_ties_view.findings(view))
    return worst_first(_as_meant(one) if _key(view, one) in meant else one for one in said)


def sentence(view: View, findings: Sequence[Finding]) -> str:
    """Return the sentence below the title: what was asked, and of what."""
    ran = plural(sum(_ran(one, view) for one in checks().values()), "check")
    number = len(cache.of(shared_sets, view.after))
    sets = plural(number, "shared set") if number else "a model that shares nothing"
    bad = sum(one.level is not Level.OK for one in findings)
    rest = "Each says how we know, and how to repair it." if bad else "None of them has anything against it."
    return f"{ran} ran on {sets}. {rest}"


def draw_findings(view: View, findings: Sequence[Finding]) -> None:
    """Draw one expander for each finding, worst first."""
    wanted = st.query_params.get("f", "")
    for number, finding in enumerate(findings):
        first = number == 0 and finding.level is not Level.OK
        label = f"{word(finding.level)} · {theme.plain(finding.title)}"
        with st.expander(label, expanded=finding.check == wanted if wanted else first):
            _draw_finding(view, finding, f"{finding.check}-{number}")


def word(level: Level) -> str:
    """Return a level as icon and word, in Markdown."""
    return f":{COLORS[level]}[:material/{ICONS[level]}: **{_SAID[level]}**]"


def draw_asked(view: View, findings: Sequence[Finding]) -> None:
    """Draw every check with its answer and what it holds the model against."""
    worst = {one.check: one.level for one in reversed(findings)}
    rows = [
        (Cell(one.title), _answer(worst.get(name)) if _ran(one, view) else NOT_ASKED, Cell(one.source))
        for name, one in sorted(checks().items(), key=lambda item: item[1].title)
    ]
    with st.container(border=True):
        st.header("What was asked", anchor=False)
        titles = ("Check", "Answer", "Held against")
        draw_rows(titles, rows, key="sv_asked", caption="Every check", wide=(2,))


def _ran(one: Check, view: View) -> bool:
    """Whether a check was asked: one that needs values waits for its button."""
    return one.of_copies is None or lost_ties_view.asked(view)


def _answer(level: Level | None) -> Cell:
    if level is None:
        return Cell("nothing found", "✓", "good")
    mark, tone = {Level.PROBLEM: ("✕", "bad"), Level.NOTE: ("!", "warn"), Level.OK: ("✓", "good")}[level]
    return Cell(_SAID[level], mark, tone, strong=level is not Level.OK)


def draw_way_on(findings: Sequence[Finding]) -> None:
    """Offer the broken example where there is nothing to look at."""
    if any(one.level is not Level.OK for one in findings):
        return
    broken = next((name for name in library.examples() if name.startswith("broken")), None)
    if broken is None:
        return
    st.button("Try the broken example", icon=":material/science:", on_click=partial(frame.set_model, broken))


def draw_declared(snapshot: Snapshot) -> None:
    """Draw declared against actual ties, where the source declares any."""
    rows = cache.of(table, snapshot)
    if not rows:
        return
    with st.container(border=True):
        st.header("Declared, actual, file", anchor=False)
        titles = ("Name", "Declared", "Actual", "File")
        cells = [_declared(row) for row in rows]
        draw_rows(titles, cells, key="sv_declared", caption="Declared, actual and stored ties")


def exports(view: View, findings: Sequence[Finding]) -> list[Export]:
    """Return the downloads: findings to paste or to parse, and the lock for a build."""
    name = theme.file_stem(view.title)
    return [
        Export(
            "Findings (Markdown)",
            f"{name}-checks.md",
            "text/markdown",
            lambda: markdown(view.title, findings),
        ),
        Export("Findings (JSON)", f"{name}-checks.json", "application/json", lambda: as_json(findings)),
        Export(
            "Sharing lock (JSON)",
            f"{name}.lock.json",
            "application/json",
            lambda: make_lock(view.after).encode(),
        ),
    ]


def markdown(title: str, findings: Iterable[Finding]) -> bytes:
    """Return the findings as Markdown for a pull request."""
    lines = [f"## Sharing in {theme.plain(title)}", ""]
    for one in findings:
        lines += [f"### {one.level}: {theme.plain(one.title)}", "", theme.plain(one.what)]
        if one.evidence:
            lines += ["", f"Evidence: {theme.plain(one.evidence)}"]
        if one.fix:
            lines += ["", "```python", one.fix, "```"]
        lines.append("")
    return "\n".join(lines).encode()


def as_json(findings: Iterable[Finding]) -> bytes:
    """Return the findings as JSON, as `shareviz check --json` prints them."""
    return json.dumps([asdict(one) for one in findings], ensure_ascii=False, indent=2).encode()


def _draw_finding(view: View, finding: Finding, name: str) -> None:
    st.markdown(theme.plain(finding.what))
    if finding.evidence:
        st.markdown(f"**Evidence** {theme.plain(finding.evidence)}")
    if finding.fix:
        saves = f", frees {count(finding.saves)} parameters" if finding.saves else ""
        st.markdown(f"**Repair**{saves}")
        st.code(finding.fix, language="python")
    if finding.names:
        shown = [clean(one) for one in finding.names[:MOST_NAMES]]
        more = len(finding.names) - len(shown)
        st.markdown(f"**{plural(len(finding.names), 'name')}**")
        st.code("\n".join(shown) + (f"\n… and {exact(more)} more" if more else ""), language=None)
    st.markdown(f"**Held against** {theme.plain(checks()[finding.check].source)}")
    if finding.level is Level.NOTE:
        st.button(
            "Mark as intended",
            icon=":material/check:",
            key=f"sv_meant_{name}",
            on_click=_mark,
            args=(_key(view, finding),),
        )


def _key(view: View, finding: Finding) -> tuple[str, str, str, tuple[str, ...]]:
    return (view.ref, view.design.text, finding.check, finding.names)


def _mark(key: tuple[str, str, str, tuple[str, ...]]) -> None:
    st.session_state[MEANT] = st.session_state.get(MEANT, frozenset()) | {key}


def _as_meant(finding: Finding) -> Finding:
    return replace(finding, level=Level.OK, what=f"Marked as intended in this session. {finding.what}")


def _declared(row: Declared) -> tuple[Cell, ...]:
    name = Cell(clean(row.name, 80), note=f"= {clean(row.owner, 80)}", strong=not row.agrees)
    actual = marked(row.actual)
    if not row.agrees:
        actual = replace(actual, mark="✕", tone="bad", strong=True)
    return (name, marked(row.declared), actual, marked(row.file))
