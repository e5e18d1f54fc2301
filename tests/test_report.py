"""The report: one page that agrees with the core, asks for nothing, and runs nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from importlib.metadata import version

from torch import nn

from shareviz.capture import capture
from shareviz.design import Design
from shareviz.graphs import Look
from shareviz.models import snapshot_of
from shareviz.offers import offers
from shareviz.report import Subject, report_html
from shareviz.sharing import tally
from shareviz.snapshot import Source
from shareviz.text import count
from shareviz.training.saved import saved_run
from shareviz.training.verdict import explained, verdict

SMALL = "language_model?layers=3&width=16&heads=2&vocab=64"
EVIL = '<img src=x onerror=alert(1)>"];evil['


class Tags(HTMLParser):
    """Collects the elements of a page and its attributes that could fetch or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.active += [
            name for name, _ in attrs if name.startswith("on") or name in ("src", "href", "xlink:href")
        ]


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def test_a_report_shows_the_counts_of_the_model_under_its_plan() -> None:
    before = snapshot_of(SMALL)
    after = Design.parse("tied").plan(before).apply(before)
    page = report_html(Subject(after, before, "Tied embeddings"), today=date(2026, 11, 24))
    assert count(tally(after).stored) in page and "The output head is the token table" in page
    assert "Without this plan" in page and "Tied embeddings" in page and "2026-11-24" in page


def test_a_report_of_hostile_names_holds_nothing_active() -> None:
    module = nn.Module()
    module.register_module("part", nn.Linear(2, 2))
    module._modules[EVIL.replace(".", "")] = module.part
    seen = capture(module)
    seen = replace(seen, source=Source("file", EVIL, (EVIL,)))
    tags = parsed(report_html(Subject(seen)))
    assert tags.active == [] and not tags.seen & {"img", "script", "link", "iframe", "object"}


def test_a_report_without_a_plan_has_one_column_of_values() -> None:
    page = report_html(Subject(snapshot_of(SMALL)))
    assert "Without this plan" not in page and "Nothing is shared here" in page


def test_a_report_holds_strategies_training_versions_and_a_link() -> None:
    before = snapshot_of(SMALL)
    result = saved_run("brackets")
    link = "https://example.org/?m=language_model&p=tied"
    page = report_html(Subject(before, result=result, link=link))
    assert verdict(result) in unescape(page) and explained(result) in unescape(page)
    assert all(row.arm.title in unescape(page) for row in result.table())
    smallest = min(one.stored for one in offers(before) if one.stored is not None)
    assert "<h2>Strategies</h2>" in page and count(smallest) in page
    assert link in unescape(page) and parsed(page).active == []
    assert f"torch {version('torch')}" in page


def test_a_report_shows_the_graph_as_the_page_does() -> None:
    page = report_html(Subject(snapshot_of(SMALL), look=Look.parse("s0.0_noflow")[0]))
    assert "blocks 2" in page and "edge flow" not in page


def test_a_report_without_a_training_says_nothing_of_one() -> None:
    assert "<h2>Training</h2>" not in report_html(Subject(snapshot_of(SMALL)))
