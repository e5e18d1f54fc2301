"""One self-contained HTML page of a model: title, pictures, counts, findings; no script, no request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from shareviz import __version__, graphs
from shareviz.checks import check
from shareviz.errors import SharevizError
from shareviz.headline import explanation, headline
from shareviz.ledger import compare, ledger
from shareviz.mapview import picture, set_rows
from shareviz.mapview.svg import Caption, map_svg
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, exact


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about: a model, and where there is one, the plan that made it of another.

    `before` is the model without the plan; `plan` is what the page calls it.
    """

    after: Snapshot
    before: Snapshot | None = None
    plan: str = ""


def report_html(subject: Subject, *, today: date | None = None) -> str:
    """Return the page. All names are escaped; a picture that cannot be drawn says why in its place.

    Args:
        today: The date in the footer, by default the current one.
    """
    seen = subject.after
    return _template().render(
        title=headline(seen),
        sentence=explanation(seen),
        model=clean(seen.source.title),
        plan=subject.plan,
        counts=list(_counts(seen)),
        pictures=list(_pictures(seen)),
        sets=[_set_row(row.data()) for row in set_rows(seen)],
        shared=bool([row for row in set_rows(seen) if row.set]),
        ledger=_ledger(subject),
        findings=check(seen),
        notes=[clean(note) for note in seen.source.notes],
        version=__version__,
        date=(today or date.today()).isoformat(),
    )


def _set_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}


def _counts(seen: Snapshot) -> Iterator[tuple[str, str, str]]:
    found = tally(seen)
    for name in ("stored", "used", "named", "non_embedding", "trainable"):
        value = getattr(found, name)
        yield name.replace("_", "-").capitalize(), count(value), exact(value)


def _pictures(seen: Snapshot) -> Iterator[tuple[str, Markup | str, str]]:
    shown = map_svg(picture(seen), Caption("", "", ""), theme="light")
    yield "Sharing map", _inline(shown), f"Sharing map: {headline(seen)}"
    try:
        drawn: Markup | str = _inline(graphs.graph_svg(seen, theme="light"))
    except SharevizError as error:
        drawn = str(error)
    yield "Module graph", drawn, f"Module graph: {headline(seen)}"


def _inline(svg: str) -> Markup:
    """Return our own drawing, whose names its renderer has escaped, without an XML prolog."""
    return Markup(svg[svg.index("<svg") :])


def _ledger(subject: Subject) -> Sequence[Mapping[str, str]]:
    now = ledger(subject.after)
    then = now if subject.before is None else ledger(subject.before)
    return [
        {
            "name": line.before.title,
            "before": line.before.shown,
            "after": line.after.shown,
            "verdict": line.verdict,
            "note": line.after.note,
        }
        for line in compare(then, now)
        if not line.after.absent
    ]


@cache
def _template() -> Template:
    text = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(text)
