"""A model of one's own on a task: what fits is trained as it is drawn, what does not says why."""

from __future__ import annotations

import json

import pytest
import torch

from shareviz.capture import capture
from shareviz.cli import main
from shareviz.design import Design
from shareviz.models import settled, snapshot_of
from shareviz.models.layers import flow_of
from shareviz.rowshares import share_plan, shared_design
from shareviz.sharing import tally
from shareviz.training.compare import compare_training
from shareviz.training.engine.arms import start
from shareviz.training.fit import asked, fitted, misfit, table_for
from shareviz.training.protocol import RunSpec
from shareviz.training.tasks import Task, default_versions, find_task, find_version, tasks, versions_of
from shareviz.training.tasks._own import depth_of

ALL = pytest.mark.parametrize("task", tasks().values(), ids=tuple(tasks()))
OWN = "layers?input=tokens-16&rows=embedding-3-8~positions~block-2-x4~norm~head-3"


@ALL
def test_the_model_of_a_task_fits_it(task: Task) -> None:
    assert misfit(task, task.model) == ""


@ALL
def test_a_table_is_made_for_every_task_that_a_table_can_answer(task: Task) -> None:
    made = table_for(task)
    assert bool(made) == (asked(task.name) is not None)
    assert not made or misfit(task, made) == ""


@pytest.mark.parametrize(
    ("name", "model", "says"),
    [
        (
            "brackets",
            "layers?input=tokens-16&rows=embedding-3~head-2",
            "Brackets gives 16 tokens and asks for 3 classes at each of 16 places; "
            "this model gives 16 places of 2 numbers.",
        ),
        ("brackets", "layers?input=tokens-16&rows=embedding-2~head-3", "fewer tokens or places."),
        ("brackets", "layers?rows=embedding-3~positions~head-3", "It is built for 8 tokens."),
        (
            "parity",
            "layers?rows=embedding-3~head-3",
            "Row 1, embedding: it takes tokens; the input gives",
        ),
        ("adding", "layers?input=sequence-12-2&rows=gru-4~head-1", "this model gives 12 places of 1 number."),
        (
            "words",
            "layers?input=tokens-16&rows=embedding-1000-4~block-2~head-1000",
            "this model sees the very token that it is asked for: let each place see the past only.",
        ),
        ("sort", "siamese", "this model does not take that."),
        ("sort", "language_model", "This model stores 163.0 M parameters; a run here trains at most 5.00 M."),
        ("sort", "layers?input=numbers-3&rows=activation", "no weights to train"),
        ("sort", "layers?rows=linar", "Row 1: there is no kind of layer"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(name: str, model: str, says: str) -> None:
    said = misfit(find_task(name), model)
    assert says in said and said.endswith(".")


@pytest.mark.parametrize(
    ("name", "model", "text"),
    [
        ("brackets", "layers?rows=embedding-100-8~block-2-x2~head-100", "embedding-3-8~block-2-x2~head-3"),
        ("brackets", "layers?rows=embedding-9-8~positions-8~reduce~head-2", "embedding-3-8~positions~head-3"),
        ("adding", "layers?input=sequence-5-1&rows=gru-4~head-9", "gru-4~reduce-last~head-1"),
        ("parity", "layers?input=sequence-5-3&rows=gru-4", "gru-4~head-2"),
        ("words", "layers?rows=embedding-9-4~block-2~head-9", "embedding-1000-4~block-2-4-past~head-1000"),
    ],
)
def test_the_ends_of_a_table_follow_the_task(name: str, model: str, text: str) -> None:
    made = fitted(find_task(name), model)
    assert made.endswith(f"&rows={text}")
    assert misfit(find_task(name), made) == ""


def test_a_table_of_another_kind_and_a_family_cannot_be_fitted() -> None:
    assert fitted(find_task("sort"), "layers?input=image-1-8-8&rows=conv2d~reduce~head") == ""
    assert fitted(find_task("sort"), "language_model?layers=1&width=8&heads=2") == ""


@pytest.mark.parametrize(
    "text", ["", "tied", "cycle?stored=2", "tied;all?norms=shared", "a:0011;f:0101;n:own;tie:1"]
)
def test_what_is_drawn_is_what_is_trained(text: str) -> None:
    """The page draws plan.apply of its snapshot; the trained module's capture is that, exactly."""
    seen = snapshot_of(OWN)
    drawn = Design.parse(text).plan(seen).apply(seen)
    assert capture(start(OWN, find_version(find_task("brackets"), text, OWN), 0)) == drawn


def test_rows_that_share_are_trained_as_drawn() -> None:
    text = "layers?input=tokens-16&rows=embedding-3-8~block-2-x2~block-2-x2~linear-8~linear-8~head-3"
    seen, table = snapshot_of(text), flow_of(settled(text)[1])
    shares = {3: 2, 5: 4, 6: 1}
    design = shared_design(table, shares, seen, Design()).text
    trained = capture(start(text, find_version(find_task("brackets"), design, text), 1))
    assert trained == share_plan(table, shares, seen).apply(seen)


def test_any_model_offers_its_layers_shared_and_the_shallow_controls() -> None:
    task = find_task("brackets")
    assert list(versions_of(task, OWN)) == ["none", "all", "cycle2", "one", "two"]
    assert default_versions(task, OWN) == task.defaults
    assert default_versions(task, "layers?input=tokens-16&rows=embedding-3~head-3") == ("none",)
    assert versions_of(task, task.model) is versions_of(task) is task.versions
    stored = {}
    for name, version in versions_of(task, OWN).items():
        seen = snapshot_of(version.model or OWN)
        stored[name] = tally(version.plan(seen).apply(seen)).stored
    # they differ by the norms alone, which each layer keeps: 2·2·8 for every layer that is shared
    assert stored["all"] - stored["one"] == 3 * 32
    assert stored["cycle2"] - stored["two"] == 2 * 32


@pytest.mark.parametrize("model", [OWN, "language_model?layers=3&width=8&heads=2&vocab=3&context=16"])
def test_one_layer_starts_as_the_first_of_many(model: str) -> None:
    task = find_task("brackets")
    many, one = (start(model, find_version(task, name, model), 4) for name in ("none", "one"))
    first = dict(many.named_parameters())
    for name, value in one.named_parameters():
        assert torch.equal(value, first[name if name in first else name.replace("block.", "blocks.0.")])


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        (OWN, 4),
        ("layers?rows=embedding~block-x2~block-x3~head", None),
        ("language_model?layers=7", 7),
        ("gru_classifier", None),
    ],
)
def test_the_depth_of_a_model_is_read_off_its_text(model: str, layers: int | None) -> None:
    depth = depth_of(model)
    assert (depth and depth.layers) == layers


def test_a_run_on_ones_own_model_compares_what_is_offered() -> None:
    spec = RunSpec("brackets", ("none", "all", "one", "cycle?stored=2"), seeds=2, steps=2, model=OWN)
    result = compare_training(spec)
    assert [arm.title for arm in result.arms] == ["None", "All layers", "One layer", "Cycle 2"]
    assert {arm.model for arm in result.arms} == {OWN, OWN.replace("-x4", "")}
    titles = {column.title: [pair.version for pair in pairs] for column, pairs in result.columns()}
    assert titles == {"Equal depth": ["all", "cycle?stored=2"], "Equal parameters": ["all"]}


def test_the_command_trains_a_model_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["train", "brackets", "--model", f"catalogue:{OWN}", "--versions", "none,all"]
    assert main([*given, "--seeds", "1", "--steps", "2", "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["result"]["spec"]["model"] == OWN
    assert main(["train", "brackets", "--model", "siamese", "--seeds", "1", "--steps", "1"]) == 2


def test_on_a_task_over_time_the_layers_of_ones_own_model_are_compared_by_depth() -> None:
    model = "layers?input=sequence-12-1&rows=linear-8~ffn-2-x3~head-2"
    result = compare_training(RunSpec("parity", ("none", "all", "one"), seeds=2, steps=2, model=model))
    titles = {column.title: [pair.version for pair in pairs] for column, pairs in result.columns()}
    assert titles == {"Equal depth": ["all"], "Equal parameters": ["all"]}
