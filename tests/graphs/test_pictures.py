"""DOT, SVG and PNG of whole models: they draw, name every set, stay small, and no name does harm."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareviz.charts.palette import CHROME, IDENTITIES
from shareviz.errors import PlanError
from shareviz.graphs import dot_of, fold, graph_dot, graph_svg, layout, screen_svg
from shareviz.graphs._width import laid_out
from shareviz.models import catalogue, snapshot_of
from shareviz.options import settle
from shareviz.sets import shared_sets
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies
from tests.graphs.snapshots import apart, file_of, language_model, shared

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    '"];evil[label="x',
    "a\\N\\G\\l",
    "<img src=x onerror=alert(1)>",
    '</TD></TR></TABLE>>]; evil [URL="javascript:alert(1)"',
    "line\nbreak\ttab\r",
    "\u202eright to left\u2066",
    "&amp;&#60;script&#62;",
    "&",
    "--> <!-- ]]> <![CDATA[",
    "\x00\x1b[31m",
    "\ud800 alone",
    " ",
    "𝔘𝔫𝔦 🙂 漢字",
    "x" * 5000,
)


def words(svg: str) -> str:
    """Return all text that a drawing shows."""
    return " ".join(element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text"))


def height(model: Snapshot) -> float:
    """Return the height of the drawing in points."""
    return float(ElementTree.fromstring(graph_svg(model)).attrib["height"])


def shown_sets(svg: str) -> set[str]:
    """Return the ids that a page can join on."""
    marked = (element.get("data-set", "") for element in ElementTree.fromstring(svg).iter())
    return {one for held in marked for one in held.split()}


def under_every_strategy(model: Snapshot) -> Iterator[Snapshot]:
    """Yield a model as it is, and under each strategy that applies to it at its defaults."""
    yield model
    for strategy in strategies().values():
        try:
            yield strategy.plan(model, settle(strategy.options, {})).apply(model)
        except PlanError:
            continue  # it says why not


@pytest.mark.parametrize("name", catalogue())
def test_every_model_draws_all_its_sets_under_every_strategy(name: str) -> None:
    drawn = 0
    for seen in under_every_strategy(snapshot_of(name)):
        assert shown_sets(graph_svg(seen)) == {one.id for one in shared_sets(seen)}
        assert len(fold(seen).boxes) <= 20
        drawn += 1
    assert drawn >= 2


def test_the_picture_of_96_layers_is_no_taller_than_that_of_12() -> None:
    assert height(language_model(96)) == height(language_model(12))
    for rule in (apart(lambda layer: 0), apart(lambda layer: layer % 3)):
        assert height(shared(rule, 96)) <= height(shared(rule, 12))


def test_a_large_model_is_laid_out_well_under_a_second() -> None:
    dot = dot_of(fold(shared(apart(lambda layer: layer // 2), 96)))
    best = min(_seconds(dot) for _ in range(3))
    assert best < 0.7


def _seconds(dot: str) -> float:
    begin = time.perf_counter()
    layout(dot)
    return time.perf_counter() - begin


def test_sets_beyond_the_palette_draw_too() -> None:
    model = file_of(*([f"a{n}.weight", f"b{n}.weight"] for n in range(30)))
    svg = graph_svg(model, theme="light")
    assert shown_sets(svg) == {f"S{n}" for n in range(1, 31)}
    # a repeated colour wears a dotted ring
    assert 'stroke-dasharray="1,2"' in svg


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_text_and_does_nothing(name: str) -> None:
    model = file_of([f"{name}.w", "b.w"], f"blocks.0.{name}", f"blocks.1.{name}", f"{name}.{name}.{name}")
    root = ElementTree.fromstring(graph_svg(model, footer=name))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "g", "title", "text", "path", "polygon", "ellipse", "polyline"}
    shown = "".join(element.text or "" for element in root.iter())
    assert not [ch for ch in shown if unicodedata.category(ch) in ("Cf", "Co", "Cs")]
    keys = {key for element in root.iter() for key in element.attrib}
    assert not {key for key in keys if key.startswith("on") or "href" in key}
    ids = {element.get("id") for element in root.iter() if element.get("id")}
    assert ids == {f"g-{box.id}" for box in fold(model).boxes}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True))
def test_any_names_draw(names: list[str]) -> None:
    model = file_of([f"{name}.weight" for name in names], "end.weight")
    assert shown_sets(graph_svg(model)) == {one.id for one in shared_sets(model)}


def test_dot_holds_no_links() -> None:
    dot = graph_dot(shared(apart(lambda layer: layer % 3), tied=True))
    assert not re.search(r"href|url|target=|tooltip", dot, re.IGNORECASE)


def test_the_screen_takes_every_colour_from_the_page() -> None:
    svg = graph_svg(shared(apart(lambda layer: layer % 3), tied=True))
    painted = {
        element.get(key, "") for element in ElementTree.fromstring(svg).iter() for key in ("fill", "stroke")
    }
    plain = {"", "none", "transparent"}
    assert painted - plain == {one for one in painted if one.startswith("var(--")}
    assert {"var(--ink)", "var(--f1)", "var(--t2)", "var(--l3)"} <= painted


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_export_has_the_fixed_colours_of_its_theme(theme: str) -> None:
    svg = graph_svg(shared(apart(lambda layer: layer % 3), tied=True), theme=theme)
    assert "var(" not in svg
    expected = {CHROME[theme]["page"], CHROME[theme]["ink"], IDENTITIES[1].fill, IDENTITIES[1].line(theme)}
    assert expected <= set(re.findall(r"#[0-9a-f]{6}", svg))
    assert not re.search(r"#(0101|0202|0303|fdfd|fcfc|a1a1|b1b1|c1c1)", svg)


def test_an_export_says_where_it_comes_from() -> None:
    footer = "GPT, 12 layers · Cycle 3 · 24 Nov 2026 · shareviz 0.1.0"
    assert footer in words(graph_svg(language_model(), theme="light", footer=footer))


def test_a_picture_without_a_trace_says_so_itself() -> None:
    assert "Order of definition" in words(graph_svg(file_of("a.weight", "b.weight")))


def test_a_reader_hears_what_the_picture_shows() -> None:
    root = ElementTree.fromstring(graph_svg(shared(apart(lambda layer: layer % 3), tied=True)))
    said = root.attrib["aria-label"]
    assert root.attrib["role"] == "img"
    assert "blocks 0–11: 3 stored, each runs 4 times" in said
    assert "S1 ties tok_emb, head" in said


def test_the_screen_picture_is_that_of_the_whole_way() -> None:
    model = language_model(2)
    graph = fold(model)
    assert screen_svg(layout(dot_of(graph)), graph) == graph_svg(model)


def test_equal_models_have_equal_dot() -> None:
    again = snapshot_of("language_model?layers=2&width=8&heads=2&vocab=6&context=9")
    assert graph_dot(language_model(2)) == graph_dot(again)


def test_a_model_without_weights_is_a_picture_too() -> None:
    assert graph_svg(Snapshot(())).startswith("<svg")


@pytest.mark.parametrize("text", ["768×3×16×16", "768", "2.36 M, own ×4", "HNRUCD", "a–b −1 …"])
def test_the_layout_program_gives_a_text_the_width_that_is_counted_on(text: str) -> None:
    rows = "".join(
        f'<TR><TD ALIGN="RIGHT"><FONT POINT-SIZE="12">{line}</FONT></TD></TR>' for line in ("w" * 40, text)
    )
    drawn = layout(f'digraph {{ n [fontname="Arial", label=<<TABLE>{rows}</TABLE>>] }}').decode()
    wide, one = (float(x) for x in re.findall(r'<text[^>]* x="(-?[\d.]+)"', drawn))
    assert one - wide == pytest.approx(laid_out("w" * 40, 12) - laid_out(text, 12), abs=0.3)
