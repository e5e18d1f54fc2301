"""What a search lights on the map and in the table; the oracle is a loop over what stands in each cell."""

from __future__ import annotations

from shareviz.graphs.search import search
from shareviz.mapview import picture
from shareviz.mapview.search import found_places, found_sets
from tests.mapview import models

CYCLE = models.under("tied;cycle?stored=3")


def test_every_weight_stands_in_a_place_of_the_map() -> None:
    held = {name for place in picture(CYCLE).places for row in place.names for name in row}
    assert held == {slot.name for slot in CYCLE.parameters()}


def test_the_places_of_a_part_of_a_name() -> None:
    shown = picture(CYCLE)
    places = found_places(shown, search(CYCLE, "emb").names)
    assert [(shown.places[n].names, row) for n, row in places] == [
        ((("tok_emb.weight",),), -1),
        ((("pos_emb.weight",),), -1),
    ]


def test_of_layers_with_their_own_only_the_rows_that_were_found() -> None:
    shown = picture(CYCLE)
    places = found_places(shown, search(CYCLE, "blocks.4.norm1").names)
    assert [(shown.places[n].label.partition(" · ")[2], row) for n, row in places] == [
        ("norms · n1 · own", 4)
    ]


def test_a_tensor_lights_its_set_and_an_own_one_the_line_of_its_kind() -> None:
    assert found_sets(CYCLE, search(CYCLE, "head").names) == ("S1",)
    assert found_sets(CYCLE, search(CYCLE, "blocks.1.attention").names) == ("S3",)
    assert found_sets(CYCLE, search(CYCLE, "pos_emb").names) == ("",)
    assert found_sets(CYCLE, frozenset()) == ()


def test_the_page_is_not_sent_all_names() -> None:
    data = picture(CYCLE).data()
    assert all("names" not in one for one in (*data["above"], *data["sections"][0]["cells"]))
