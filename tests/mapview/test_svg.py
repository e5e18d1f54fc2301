"""Picture files: well-formed, the same ids as the map, text that is really drawn."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shareviz.charts.palette import CHROME, IDENTITIES
from shareviz.jsonio import from_json
from shareviz.mapview import picture
from shareviz.mapview.mini import mini_svg
from shareviz.mapview.svg import Caption, map_svg, png
from tests.mapview import models

CAPTION = Caption("6 layers, 3 stored blocks", "Stores less than it uses.", "model · plan · date · version")
FOLDER = Path(__file__).parent.parent.parent / "shareviz" / "examples"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(design: str = "tied;cycle?stored=3", theme: str = "light") -> str:
    return map_svg(picture(models.under(design)), CAPTION, theme=theme)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_file_has_title_ids_and_footer(theme: str) -> None:
    said = texts(drawn(theme=theme))
    assert {CAPTION.title, CAPTION.footer, "S1", "S2", "S3", "S4", "attention", "×2 = 25.3 k"} <= set(said)
    assert CHROME[theme]["page"] in drawn(theme=theme)


def test_cells_have_the_colours_of_their_sets() -> None:
    root = ElementTree.fromstring(drawn())
    fills = {(one.get("data-set"), one.get("fill")) for one in root.iter(f"{SVG}rect") if one.get("data-set")}
    assert fills == {(f"S{n}", IDENTITIES[n - 1].fill) for n in range(1, 5)}


def test_a_copy_is_an_outline_on_the_page_colour() -> None:
    shown = picture(models.plain(), alike=(("head.weight", "tok_emb.weight"),))
    root = ElementTree.fromstring(map_svg(shown, CAPTION, theme="dark"))
    lines = [
        one.get("fill") for one in root.iter(f"{SVG}rect") if one.get("stroke") == CHROME["dark"]["muted"]
    ]
    assert lines == [CHROME["dark"]["page"]]


def test_hostile_words_stay_words() -> None:
    hostile = Caption("<script>x</script>", "a & b", '"quoted" <b>')
    svg = map_svg(picture(models.named("a<b", 'c"d')), hostile)
    assert "<script>" not in svg
    assert "<script>x</script>" in texts(svg)


def test_text_is_visible_in_the_png() -> None:
    svg = drawn()
    without = re.sub(r"<text.*?</text>", "", svg)
    with_text, bare = png(svg, scale=1), png(without, scale=1)
    assert with_text.startswith(b"\x89PNG")
    assert len(with_text) > 1.2 * len(bare)


def test_the_thumbnail_holds_the_colours_and_no_text() -> None:
    svg = mini_svg(picture(models.under("tied;cycle?stored=3")))
    root = ElementTree.fromstring(svg)
    assert {IDENTITIES[n].fill for n in range(4)} <= {one.get("fill") for one in root}
    assert not list(root.iter(f"{SVG}text"))


def test_the_longest_label_of_a_bar_begins_inside_the_picture() -> None:
    seen = from_json((FOLDER / "albert-base.shareviz.json").read_bytes())
    root = ElementTree.fromstring(map_svg(picture(seen), CAPTION))
    (label,) = [one for one in root.iter(f"{SVG}text") if one.text == "embedding hidden"]
    assert float(label.attrib["x"]) - 6.4 * len("embedding hidden") > 0
