"""One self-contained HTML page of a model: title, pictures, counts, findings; no script, no request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from shareviz import __version__, graphs
from shareviz.charts.palette import identity
from shareviz.checks import check
from shareviz.errors import SharevizError
from shareviz.graphs.look import USUAL, Look
from shareviz.headline import explanation, headline
from shareviz.ledger import compare, ledger
from shareviz.mapview import picture, set_rows
from shareviz.mapview.svg import Caption, map_svg
from shareviz.offers import offers
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, exact
from shareviz.training.results import Result
from shareviz.training.verdict import amount, difference, explained, verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about: a model, and where there is one, the plan that made it of another.

    `before` is the model without the plan; `plan` is what the page calls it. `look` is how the graph is
    shown. `result` is a training that was run, `link` an address that opens the same model in the app.
    """

    after: Snapshot
    before: Snapshot | None = None
    plan: str = ""
    look: Look = USUAL
    result: Result | None = None
    link: str = ""


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
        pictures=list(_pictures(subject)),
        sets=[_set_row(row.data()) for row in set_rows(seen)],
        shared=bool([row for row in set_rows(seen) if row.set]),
        ledger=_ledger(subject),
        offers=_offers(subject.before or seen),
        refused=_refused(subject.before or seen),
        training=_training(subject.result) if subject.result and subject.result.members else None,
        findings=check(seen),
        notes=[clean(note) for note in seen.source.notes],
        version=__version__,
        versions=_versions(),
        link=subject.link,
        date=(today or date.today()).isoformat(),
    )


def _set_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    cleaned = {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}
    one = identity(row["set"]) if row["set"] else None
    return cleaned | {"fill": one.fill if one else "", "ink": one.text if one else ""}


def _counts(seen: Snapshot) -> Iterator[tuple[str, str, str]]:
    found = tally(seen)
    for name in ("stored", "used", "named", "non_embedding", "trainable"):
        value = getattr(found, name)
        yield name.replace("_", "-").capitalize(), count(value), exact(value)


def _pictures(subject: Subject) -> Iterator[tuple[str, Markup | str, str]]:
    seen = subject.after
    shown = map_svg(picture(seen), Caption("", "", ""), theme="light")
    yield "Sharing map", _inline(shown), f"Sharing map: {headline(seen)}"
    try:
        drawn: Markup | str = _inline(graphs.graph_svg(seen, subject.look, theme="light"))
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


def _offers(before: Snapshot) -> Sequence[Mapping[str, str]]:
    """Return what each strategy would store, the smallest first."""
    made = sorted((one for one in offers(before) if one.applies), key=lambda one: one.stored or 0)
    return [{"title": one.title, "stored": count(one.stored), "verdict": one.verdict} for one in made]


def _refused(before: Snapshot) -> Sequence[tuple[str, str]]:
    """Return why strategies do not apply, each reason once, with the strategies."""
    why: dict[str, list[str]] = {}
    for one in offers(before):
        if not one.applies:
            why.setdefault(one.why_not, []).append(one.title)
    return [(clean(reason), ", ".join(titles)) for reason, titles in why.items()]


def _training(result: Result) -> Mapping[str, Any]:
    """Return what a training found: the verdict, each version, and each fair comparison."""
    task = result.task
    rows = [
        (
            clean(row.arm.title),
            count(row.arm.stored),
            "diverged" if row.mean is None else amount(result, row.mean),
            "n/a" if row.sd is None else amount(result, row.sd),
            str(row.seeds),
        )
        for row in result.table()
    ]
    pairs = [
        (
            column.title,
            clean(result.arm(pair.version).title),
            clean(result.arm(pair.reference).title),
            str(pair.verdict),
            difference(result, pair),
        )
        for column, compared in result.columns()
        for pair in compared
    ]
    where = f"{clean(result.device) or 'CPU'}, torch {clean(result.torch)}, {result.date[:10]}"
    said = {"title": verdict(result), "sentence": explained(result), "metric": task.metric.title}
    return said | {"rows": rows, "pairs": pairs, "where": where, "shows": task.shows, "hides": task.hides}


def _versions() -> str:
    """Return the versions of what made the numbers and the pictures, as far as it is installed."""
    found = [f"Python {python_version()}"]
    for name in ("torch", "transformers", "graphviz-pure", "vl-convert-python"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


@cache
def _template() -> Template:
    text = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(text)
