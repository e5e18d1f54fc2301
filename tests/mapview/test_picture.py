"""The picture of a map says what the Snapshot says."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shareviz.design import presets
from shareviz.jsonio import from_json
from shareviz.layers import stacks
from shareviz.mapview import Picture, Section, picture
from shareviz.mapview.svg import Caption, map_svg
from shareviz.models import catalogue
from shareviz.sets import shared_sets
from tests.graphs.snapshots import file_of
from tests.mapview import models

FOLDER = Path(__file__).parent.parent.parent / "shareviz" / "examples"


def ids(shown: Picture) -> set[str]:
    cells = {cell.set for section in shown.sections for cell in section.cells}
    return (cells | {bar.set for bar in (*shown.above, *shown.below)}) - {""}


def column(section: Section, title: str) -> list[tuple[int, int, str]]:
    """Return (row, span, set) of the cells of a column, top down."""
    place = [column.title for column in section.columns].index(title)
    found = [(cell.row, cell.span, cell.set) for cell in section.cells if cell.column == place]
    return sorted(found)


def test_a_cycle_gives_each_layer_the_id_of_its_row() -> None:
    section = picture(models.under("tied;cycle?stored=3")).sections[0]
    assert [id_ for _, _, id_ in column(section, "attention.q")] == ["S2", "S3", "S4"] * 2
    assert [row.label for row in section.rows] == ["0", "1", "2", "3", "4", "5"]


def test_equal_neighbours_melt_into_one_block_that_says_how_many() -> None:
    section = picture(models.under("tied;all")).sections[0]
    assert column(section, "attention.q") == [(0, 6, "S2")]
    first = next(cell for cell in section.cells if cell.column == 0)
    assert first.text == "S2 ×6"
    assert first.label == "layers 0–5 · attention · q · S2 · same object"


def test_layers_of_their_own_are_never_drawn_as_a_set() -> None:
    section = picture(models.under("tied;cycle?stored=3")).sections[0]
    assert column(section, "norm1") == [(0, 6, "")]


def test_the_id_stands_in_the_first_column_of_a_group_only() -> None:
    section = picture(models.under("tied;cycle?stored=3")).sections[0]
    first_row = sorted((cell for cell in section.cells if cell.row == 0), key=lambda cell: cell.column)
    assert [cell.text for cell in first_row] == ["S2", "", "", "", "S2", "", "", ""]


def test_columns_are_grouped_by_role_with_short_labels() -> None:
    groups = picture(models.plain()).sections[0].groups
    found = {group.title: [column.label for column in group.columns] for group in groups}
    assert found == {"attention": ["q", "k", "v", "o"], "FFN": ["in", "out"], "norms": ["n1", "n2"]}


def test_the_stored_row_says_how_often_what_is_stored_runs() -> None:
    attention = picture(models.under("cycle?stored=3")).sections[0].groups[0]
    # q, k, v and o: 4 · (32·32 + 32) = 4,224 elements a layer, 3 layers stored, 6 run
    assert (attention.stored, attention.again) == ("12.7 k", "×2 = 25.3 k")


def test_a_bias_stands_apart_where_only_the_weight_is_shared() -> None:
    shown = picture(models.tied(("blocks.3.attention.q.weight", "blocks.0.attention.q.weight")))
    labels = [column.label for column in shown.sections[0].columns]
    assert labels[:2] == ["q", "q b"]


def test_a_tie_between_columns_draws_a_bridge_there_and_nowhere_else() -> None:
    shown = picture(models.tied(("blocks.2.attention.k.weight", "blocks.2.attention.q.weight")))
    bridges = [cell for section in shown.sections for cell in section.cells if cell.bridge]
    assert [(cell.row, cell.set) for cell in bridges] == [(2, "S1")]


def test_equal_colours_side_by_side_are_no_bridge() -> None:
    shown = picture(models.under("cycle?stored=3"))
    assert not [cell for section in shown.sections for cell in section.cells if cell.bridge]


def test_the_tied_head_is_joined_to_the_token_table() -> None:
    shown = picture(models.under("tied"))
    assert shown.ties == ("S1",)
    assert [bar.label for bar in shown.above if bar.set] == ["tokens"]
    assert [bar.label for bar in shown.below if bar.set] == ["head"]


def test_a_block_that_runs_three_times_has_three_rows() -> None:
    section = picture(models.reused()).sections[0]
    assert (section.header, len(section.rows)) == ("run", 3)
    assert {(cell.row, cell.span, cell.set) for cell in section.cells} == {(0, 3, "S1")}
    assert section.groups[0].again.startswith("×3")


def test_two_stacks_are_two_titled_sections() -> None:
    shown = picture(models.plain("encoder_decoder?encoder_layers=2&decoder_layers=2&width=8&heads=2&vocab=9"))
    assert [section.title for section in shown.sections] == ["encoder.blocks", "decoder.blocks"]
    assert "cross" in [group.title for group in shown.sections[1].groups]


def test_a_model_without_layers_has_a_row_for_each_module() -> None:
    section = picture(models.named("left", "right")).sections[0]
    assert [row.label for row in section.rows] == ["left", "right"]
    assert [column.label for column in section.columns] == ["weight", "bias"]


def test_more_than_sixty_modules_fold() -> None:
    names = [f"part{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n in range(80)]
    section = picture(models.named(*names)).sections[0]
    assert len(section.rows) == 60
    assert section.rows[-1].label == "21 more modules"


def test_names_are_cleaned_before_they_are_shown() -> None:
    section = picture(models.named("left\u202eright", "other")).sections[0]
    assert section.rows[0].label == "left\\u202eright"


@pytest.mark.parametrize("family", sorted(catalogue()))
def test_every_preset_shows_exactly_its_sets_and_is_plain_json(family: str) -> None:
    before = models.plain(family)
    for preset in presets(before):
        after = preset.design.plan(before).apply(before)
        shown = picture(after)
        assert ids(shown) == {shared.id for shared in shared_sets(after)}, preset.key
        assert json.loads(json.dumps(shown.data()))["sections"]


@pytest.mark.parametrize("family", sorted(catalogue()))
def test_no_two_cells_cover_each_other_and_none_leaves_the_grid(family: str) -> None:
    before = models.plain(family)
    for preset in presets(before):
        for section in picture(preset.design.plan(before).apply(before)).sections:
            covered = [
                (row, cell.column) for cell in section.cells for row in range(cell.row, cell.row + cell.span)
            ]
            assert len(covered) == len(set(covered))
            assert {row for row, _ in covered} <= set(range(len(section.rows)))
            assert {place for _, place in covered} <= set(range(len(section.columns)))


def test_bars_of_one_role_are_told_apart_by_a_word_of_their_path() -> None:
    shown = picture(
        models.plain("encoder_decoder?encoder_layers=2&decoder_layers=2&width=32&heads=4&vocab=50")
    )
    assert [bar.label for bar in shown.above] == ["encoder tokens", "decoder tokens"]


def test_a_table_beside_another_tensor_of_its_module_has_a_bar_of_its_own() -> None:
    shown = picture(models.plain("vit?layers=2&width=32&heads=4"))
    assert ("positions", "1×197×32 · 6.30 k") in [(bar.label, bar.text) for bar in shown.above]


def test_folded_columns_say_how_many_they_are_and_no_more() -> None:
    seen = from_json((FOLDER / "zamba-like.shareviz.json").read_bytes())
    labels = [column.label for section in picture(seen).sections for column in section.columns]
    assert labels.count("×2") == 3 and "×22" not in labels


def test_a_picture_to_paint_on_has_a_cell_for_each_layer_and_says_where_it_stands() -> None:
    section = picture(models.under("tied;all"), apart=True).sections[0]
    assert column(section, "attention.q") == [(row, 1, "S2") for row in range(6)]
    columns = stacks(models.plain())[0].columns
    named = [columns.index(f"attention.q.{name}") for name in ("weight", "bias")]
    assert section.cells[0].at == (0, 0, tuple(named))
    assert {cell.text for cell in section.cells if cell.column == 0} == {"S2"}
    assert not any(cell.locked for cell in section.cells)
    assert all(cell.at is None for cell in picture(models.under("tied;all")).sections[0].cells)


def test_runs_of_one_module_are_locked_and_say_why() -> None:
    section = picture(models.reused(), apart=True).sections[0]
    assert {cell.row for cell in section.cells} == {0, 1, 2}
    assert {cell.at[1] for cell in section.cells if cell.at} == {0}
    assert all("one module that runs 3 times" in cell.locked for cell in section.cells)


def test_many_rows_stay_tall_enough_to_be_painted() -> None:
    deep = models.plain("language_model?layers=40&width=8&heads=2&vocab=6&context=9")
    assert picture(deep).sections[0].pitch < 24 <= picture(deep, apart=True).sections[0].pitch


def test_copies_are_outlined_each_for_itself_and_in_no_set() -> None:
    names = [f"blocks.{layer}.attention.q.weight" for layer in (1, 2)]
    twins = ((names[0], names[1]), (names[1], names[0]), ("head.weight", "tok_emb.weight"))
    shown = picture(models.plain(), alike=twins)
    section = shown.sections[0]
    place = [column.title for column in section.columns].index("attention.q")
    cells = {cell.row: cell for cell in section.cells if cell.column == place}
    assert [(cells[row].span, cells[row].style) for row in (0, 1, 2, 3)] == [
        (1, "own"),
        (1, "outline"),
        (1, "outline"),
        (3, "own"),
    ]
    assert cells[1].set == ""
    assert cells[1].label.endswith("equal bytes in part, not shared")  # the bias is not
    assert f"as {names[1]}" in cells[1].note
    assert "equal bytes, not shared" in shown.below[-1].note
    assert shown.styles == ("outline",)
    assert picture(models.plain()).styles == ()


def test_what_is_shared_is_no_copy() -> None:
    design = models.under("all")
    tensor = design.tensors[5].name
    shared = next(one for one in shared_sets(design)).groups[0]
    shown = picture(design, alike=((shared[0], tensor), (shared[1], tensor)))
    assert shown == picture(design)


def test_a_map_of_5000_layers_is_no_taller_than_one_of_200() -> None:
    deep = file_of(*(f"layers.{n}.w" for n in range(5000)))
    (section,) = picture(deep).sections
    assert len(section.rows) == 5000 and section.pitch * 5000 <= 1600
    assert float(ElementTree.fromstring(map_svg(picture(deep), Caption("", "", ""))).attrib["height"]) < 2000


def test_many_modules_that_differ_by_a_number_are_one_row() -> None:
    (section,) = picture(file_of(*(f"fc_{n}.w" for n in range(100)), "out.w")).sections
    assert [row.label for row in section.rows] == ["fc_* ×100", "out"]


def test_bars_of_stages_are_told_apart_by_their_number() -> None:
    names = [f"stages.{n}.down.{part}.weight" for n in range(3) for part in ("norm", "reduction")]
    shown = picture(file_of("blocks.0.w", "blocks.1.w", *names))
    labels = [bar.label for bar in (*shown.above, *shown.below)]
    assert len(set(labels)) == len(labels)


def test_long_names_of_tensors_head_columns_that_differ() -> None:
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight")
    (section,) = picture(file_of(*(f"rnn.{name}" for name in names))).sections
    assert [one.label for one in section.columns] == ["w_ih_l0", "w_hh_l0", "b_ih_l0", "b_hh_l0", "weight"]
