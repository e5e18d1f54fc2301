"""Every family of the catalogue, through what all of them must satisfy."""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
from contextlib import suppress

import pytest
import torch
from torchinfo import summary

from shareviz.capture import capture
from shareviz.errors import OptionError
from shareviz.models import build, canonical, catalogue, inputs_of, settled, snapshot_of, title_of
from shareviz.options import Option, unparse
from shareviz.snapshot import Snapshot

FAMILIES = tuple(catalogue())
SHALLOW = {"layers": 2, "encoder_layers": 2, "decoder_layers": 1, "steps": 3}
BOUND = {"layers": 96, "encoder_layers": 12, "decoder_layers": 12, "steps": 48, "tasks": 16, "context": 4096}

WORDS = {"input": ("tokens-6", "tokens-9"), "rows": ("embedding~linear", "embedding~norm~linear-8")}

look = functools.cache(snapshot_of)


def stored(seen: Snapshot) -> int:
    return sum(tensor.numel for tensor in seen.parameters())


def settings(option: Option) -> list[object]:
    """The ends of a turn (the high one bounded), or every choice."""
    if option.choices:
        return list(option.choices)
    if option.name in WORDS:
        return list(WORDS[option.name])
    if isinstance(option.default, bool):
        return [False, True]
    high = min(option.high or 0, BOUND.get(option.name, 4096))
    return [int(option.low or 0), int(high)]


def turned(name: str, option: Option, value: object) -> str:
    """A shallow model with one option turned; where another forbids it, that one gives way."""
    options = catalogue()[name].options
    shallow = {other.name: SHALLOW[other.name] for other in options if other.name in SHALLOW}
    for other, way in itertools.product(options, ("default", "low", "high")):
        change = {} if way == "default" or other.choices else {other.name: getattr(other, way)}
        text = unparse(name, options, {**shallow, **change, option.name: value})
        with suppress(OptionError):
            settled(text)
            return text
    raise AssertionError(f"{name}: {option.name} = {value} cannot be reached")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_default_model_builds_on_meta_and_reads_every_parameter(name: str) -> None:
    assert {parameter.device.type for parameter in build(name).parameters()} == {"meta"}
    seen = look(name)
    assert seen.steps, seen.source.notes
    read = {slot for step in seen.steps for slot, _ in step.reads}
    assert {tensor.name for tensor in seen.parameters()} == read


@pytest.mark.parametrize("name", FAMILIES)
def test_each_end_of_each_turn_builds_and_changes_the_count_or_the_work(name: str) -> None:
    for option in catalogue()[name].options:
        faces = set()
        for value in settings(option):
            text = turned(name, option, value)
            # classes show only where a head has them
            seen = look(f"{text}&output=class" if (name, option.name) == ("encoder", "classes") else text)
            assert seen.steps, (text, seen.source.notes)
            faces.add((stored(seen), tuple((step.op, step.shape, step.reads) for step in seen.steps)))
        assert len(faces) == len(settings(option)), option.name


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_is_shared_and_torchinfo_counts_the_same(name: str) -> None:
    seen = look(name)
    assert len(seen.storages) == len(seen.tensors)
    assert stored(seen) == summary(build(name), verbose=0).total_params


@pytest.mark.parametrize("name", FAMILIES)
def test_the_text_of_a_model_reads_back_and_its_source_is_plain(name: str) -> None:
    model = catalogue()[name]
    turns = {option.name: settings(option)[-1] for option in model.options if option.choices}
    text = unparse(name, model.options, turns)
    assert canonical(text) == text
    assert settled(canonical(text)) == settled(text)
    source = snapshot_of(text).source
    assert source.kind == "catalogue"
    assert source.fact("model") == text
    assert json.loads(json.dumps([source.title, source.facts])) == [
        source.title,
        [list(f) for f in source.facts],
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_entry_says_what_it_is_and_where_it_is_from(name: str) -> None:
    model = catalogue()[name]
    assert model.summary.endswith(".")
    assert any(character.isdigit() for character in model.source)
    assert all(option.help.endswith(".") for option in model.options)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_seed_decides_the_values_and_the_global_generator_is_left_alone(name: str) -> None:
    text = SMALL[name]
    before = torch.random.get_rng_state()
    first, same, other = (build(text, device="cpu", seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_small_model_runs_on_the_cpu_with_every_gradient_finite(name: str) -> None:
    module = build(SMALL[name], device="cpu")
    out = module(*inputs_of(SMALL[name], device="cpu"))
    (out**2).sum().backward()
    assert torch.isfinite(out).all()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
    assert capture(module) == capture(build(SMALL[name]))


SMALL = {
    "conv_classifier": "conv_classifier?image=8&channels=2&channels2=3",
    "encoder": "encoder?layers=2&width=16&heads=2&vocab=11&context=9&output=tokens&norm=before",
    "encoder_decoder": "encoder_decoder?encoder_layers=2&decoder_layers=1&width=16&heads=2&vocab=11",
    "gru_classifier": "gru_classifier?steps=3",
    "language_model": "language_model?layers=2&width=16&heads=2&vocab=11&context=9",
    "layers": "layers?rows=embedding-11-8~positions~block-2-x2~gru-6~linear-5-tanh~reduce~head-3",
    "lstm_classifier": "lstm_classifier?steps=3",
    "multitask": "multitask?tasks=3&inputs=5",
    "ring": "ring?layers=2&width=8",
    "siamese": "siamese?inputs=5",
    "vit": "vit?layers=2&width=16&heads=2&image=8&patch=4&classes=3",
}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        # 2·50257·768 + 1024·768 + 12·(4·768² + 8·768² + 13·768) + 2·768
        ("language_model", 163_037_184),
        # (30522 + 512 + 2)·768 + 12·7,087,872 + 2·768 + 768² + 768
        ("encoder", 109_482_240),
        ("encoder?layers=24&width=1024&heads=16", 335_141_888),
        ("language_model?layers=24&width=1024&heads=16", 406_286_336),
        ("language_model?layers=36&width=1280&heads=20", 838_359_040),
        ("language_model?layers=48&width=1600&heads=25", 1_638_022_400),
        ("vit", 86_567_656),
        # as published, less the two tables that a plan ties: 63,082,496 + 2·37000·512
        ("encoder_decoder", 63_082_496 + 2 * 37_000 * 512),
        # 12 cells of 3·(16·1 + 16² + 2·16) and a head of 16·2 + 2
        ("gru_classifier", 10_978),
        # 14² positions of 8·9 + 8, 12² of 32·72 + 32, a head of 32·10 + 10
        ("conv_classifier", 352_394),
        # table and head 2·64 + 64·2 + 2, 7 norms of 2·64, 6 layers of 3·64·128 + 128 + 128·64 + 64
        ("ring", 258 + 7 * 128 + 6 * 32_960),
    ],
)
def test_published_shapes_have_their_published_counts(text: str, count: int) -> None:
    assert stored(capture(build(text))) == count


def test_the_title_counts_layers() -> None:
    assert title_of("language_model?layers=12") == "Language model, 12 layers"
    assert title_of("language_model?layers=1") == "Language model, 1 layer"
    assert title_of("encoder_decoder?decoder_layers=2") == "Encoder-decoder, 6 + 2 layers"
    assert title_of("conv_classifier") == "Image classifier"


def test_the_traced_length_is_stated() -> None:
    assert snapshot_of("language_model").source.fact("length") == "8"
    assert snapshot_of("language_model?context=5").source.fact("length") == "5"
    assert snapshot_of("gru_classifier?steps=5").source.fact("length") == "5"
    assert snapshot_of("siamese").source.fact("length") is None


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("gpt9", "no model 'gpt9'", "language_model"),
        (
            "language_model?width=100",
            "width = 100 is not a multiple of heads = 12",
            "width to 96, or heads to 10",
        ),
        ("language_model?layers=0", "layers = 0 is out of range", "1 to 96"),
        ("language_model?depth=3", "no option 'depth'", "layers"),
        ("vit?image=100", "image = 100 is not a multiple of patch = 16", "image to 96, or patch to 10"),
        ("conv_classifier?image=8&kernel=6", "kernel = 6 leaves nothing of image = 8", "kernel to 4"),
        ("encoder?output=words", "output cannot be 'words'", "tokens"),
    ],
)
def test_an_impossible_model_is_refused_with_a_way_out(text: str, says: str, hint: str) -> None:
    with pytest.raises(OptionError) as caught:
        snapshot_of(text)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_the_way_out_of_each_refusal_is_one() -> None:
    for text in (
        "language_model?width=96",
        "language_model?width=100&heads=10",
        "vit?image=96",
        "vit?image=100&patch=10",
        "conv_classifier?image=8&kernel=4",
        "conv_classifier?image=11&kernel=6",
    ):
        assert snapshot_of(text).steps


def test_the_catalogue_is_listed_and_checked_without_torch() -> None:
    code = "import sys, shareviz.models as m; m.canonical('vit?layers=3'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
