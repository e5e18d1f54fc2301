"""Pictures to take away: as the screen is, the same bytes for the same wish, and two models side by side."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from shareviz.charts.palette import CHROME, IDENTITIES
from shareviz.compare import differing
from shareviz.design import Design
from shareviz.graphs import Look, fold, graph_svg
from shareviz.graphs.search import search
from shareviz.mapview import picture
from shareviz.mapview.search import found_places
from shareviz.models import snapshot_of
from shareviz.snapshot import Snapshot
from shareviz.takeaway import FAINT, KINDS, Caption, Wish, compared_svg, picture_svg, png

PLAIN = snapshot_of("language_model?layers=6&width=16&heads=2&vocab=64")
ABOUT = Caption("6 layers, 3 stored blocks", "Stores less than it uses.", "model · plan · version")


def under(text: str) -> Snapshot:
    return Design.parse(text).plan(PLAIN).apply(PLAIN)


CYCLE = under("tied;cycle?stored=3")


def parsed(svg: str) -> Element:
    return ElementTree.fromstring(svg)


def words(svg: str) -> list[str]:
    return [one.text or "" for one in parsed(svg).iter() if one.tag.endswith("}text")]


def strong(svg: str, kind: str) -> list[Element]:
    """Return the parts of a picture that do not step back."""
    return [one for one in parsed(svg).iter() if kind in one.attrib and one.get("opacity") != FAINT]


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_same_wish_gives_the_same_bytes_and_another_theme_other_ones(what: str, theme: str) -> None:
    wish = Wish(what=what, theme=theme)
    svg = picture_svg(CYCLE, ABOUT, wish)
    assert svg == picture_svg(under("tied;cycle?stored=3"), ABOUT, wish)
    assert svg != picture_svg(CYCLE, ABOUT, replace(wish, theme="dark" if theme == "light" else "light"))
    assert ABOUT.footer in words(svg) and CHROME[theme]["page"] in svg


def test_both_hold_what_the_map_and_the_graph_of_the_screen_hold() -> None:
    both = picture_svg(CYCLE, ABOUT, Wish(what="both", look=Look.parse("s0.1")[0]))
    screen = graph_svg(CYCLE, Look.parse("s0.1")[0])
    shown = [word for word in words(screen) if word not in "+−"]
    cells = [place.text for place in picture(CYCLE).places if place.text]
    assert not set(shown) - set(words(both)) and not set(cells) - set(words(both))
    ids = {one.get("data-set") for one in parsed(both).iter() if one.get("data-set")}
    assert ids == {"S1", "S2", "S3", "S4"}
    used = {int(n) for n in re.findall(r"var\(--f(\d+)\)", screen)}
    assert all(IDENTITIES[n - 1].fill in both for n in used)


@pytest.mark.parametrize("what", KINDS)
def test_nothing_lies_behind_a_transparent_picture(what: str) -> None:
    def ground(svg: str) -> set[str]:
        big = [
            one for one in parsed(svg).iter() if one.get("width") == "100%" or one.tag.endswith("}polygon")
        ]
        return {one.get("fill", "") for one in big} & {CHROME["light"]["page"]}

    assert ground(picture_svg(CYCLE, ABOUT, Wish(what=what)))
    assert not ground(picture_svg(CYCLE, ABOUT, Wish(what=what, transparent=True)))


def test_a_png_has_the_pixels_of_its_scale() -> None:
    svg = picture_svg(CYCLE, ABOUT, Wish())
    one, four = (struct.unpack(">II", png(svg, scale=scale)[16:24]) for scale in (1, 4))
    assert abs(four[0] - 4 * one[0]) <= 4 and abs(four[1] - 4 * one[1]) <= 4


def test_a_search_lights_the_boxes_and_cells_that_the_page_lights() -> None:
    names = search(CYCLE, "emb").names
    svg = picture_svg(CYCLE, ABOUT, Wish(what="both", pattern="emb"))
    places = {one.attrib["data-place"] for one in strong(svg, "data-place")}
    assert places == {str(number) for number, _ in found_places(picture(CYCLE), names)}
    boxes = {one.attrib["id"] for one in strong(svg, "class") if "box" in one.attrib["class"].split()}
    assert boxes == {f"p1-g-{box.id}" for box in fold(CYCLE).boxes if box.title in ("tok_emb", "pos_emb")}
    assert not [one for one in strong(svg, "class") if "tie" in one.attrib["class"].split()]


def test_a_lit_set_stands_out_in_both() -> None:
    svg = picture_svg(CYCLE, ABOUT, Wish(what="both", lit="S1"))
    held = {part.get("data-set") for one in strong(svg, "data-place") for part in one} - {None}
    assert held == {"S1"}
    lit = [
        one.attrib["class"].split() for one in strong(svg, "class") if "set" in one.attrib["class"].split()
    ]
    assert lit and all("S1" in one for one in lit)


def test_ids_are_told_apart_where_pictures_stand_side_by_side() -> None:
    ids = re.findall(r' id="([^"]+)"', compared_svg(CYCLE, under("tied;cycle?stored=2"), ("a", "b"), Wish()))
    graph = [one for one in ids if "g-" in one]
    assert graph and len(graph) == len(set(graph))


def test_what_is_tied_otherwise_differs_and_nothing_else() -> None:
    here, there = differing(CYCLE, under("cycle?stored=3"))
    assert here == there == {"tok_emb.weight", "head.weight"}
    assert differing(CYCLE, CYCLE) == (frozenset(), frozenset())


def test_two_models_are_compared_in_map_graph_and_words() -> None:
    svg = compared_svg(CYCLE, under("cycle?stored=3"), ("tied", "untied"), Wish())
    said = " ".join(words(svg))
    assert "tied" in said and "untied" in said and "no longer shared" in said
    lit = {part.get("data-set") for one in strong(svg, "data-place") for part in one} - {None}
    assert lit == {"S1", ""}


def test_equal_models_have_no_difference_and_nothing_steps_back() -> None:
    svg = compared_svg(CYCLE, CYCLE, ("a", "b"), Wish())
    assert "No difference" in words(svg) and FAINT not in svg


@pytest.mark.parametrize("name", ['"><script>alert(1)</script>', "a & b", "x" * 10_000, "\u202eleft"])
def test_a_hostile_title_is_text(name: str) -> None:
    svg = compared_svg(CYCLE, PLAIN, (name, name), Wish())
    assert "script" not in {one.tag.rpartition("}")[2] for one in parsed(svg).iter()}
    assert len(max(words(svg), key=len)) < 400
