"""config.json: built on meta, traced, counted; what the file declares beside what came out."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import Any

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from shareviz.errors import FormatError
from shareviz.formats import HOSTED, LOCAL, load
from shareviz.formats.config import snapshot_of
from shareviz.ledger import ledger
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Evidence, Snapshot
from tests.formats import samples

SMALL: dict[str, Any] = {"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 2, "vocab_size": 16}
ALBERT = {
    "model_type": "albert",
    "architectures": ["AlbertModel"],
    "vocab_size": 30_000,
    "embedding_size": 128,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}


def read(**fields: Any) -> Snapshot:
    return load(samples.config(**fields))


def test_gpt2_small_has_one_tie_of_two_names() -> None:
    snapshot = read(model_type="gpt2", architectures=["GPT2LMHeadModel"])
    counts = tally(snapshot)
    assert counts.stored == 124_439_808
    assert counts.named == 163_037_184  # 50,257 × 768 more for the head's name
    (group,) = tied_groups(snapshot)
    assert group.names == ("transformer.wte.weight", "lm_head.weight")
    assert group.evidence is Evidence.STATED
    assert snapshot.source.title == "GPT2LMHeadModel (gpt2)"
    assert snapshot.source.fact("tie_word_embeddings") == "unset"
    assert snapshot.source.fact("declared_ties") == "lm_head.weight=transformer.wte.weight"


def test_albert_is_one_block_called_twelve_times() -> None:
    counts = tally(read(**ALBERT))
    assert counts.stored == 11_683_584
    assert counts.used == 89_650_176
    assert counts.saved_by_reuse == 77_966_592
    assert counts.saved_by_ties == 0


def test_work_is_counted_for_a_token_as_for_a_model_that_is_built() -> None:
    row = ledger(read(**SMALL, architectures=["GPT2LMHeadModel"])).row("flops")
    layer = 2 * (4 * 8 * 8 + 2 * 8 * 32)  # multiply and add for each weight of attention and feed-forward
    least = 2 * layer + 2 * 8 * 16
    assert row.per == "token" and row.value is not None
    assert least <= row.value <= 1.3 * least  # attention over 8 tokens adds some


def test_names_and_regions_are_those_of_the_model_that_the_library_builds() -> None:
    live = GPT2LMHeadModel(GPT2Config(**{k: v for k, v in SMALL.items() if k != "model_type"}))
    snapshot = read(**SMALL, architectures=["GPT2LMHeadModel"])
    named = dict(live.named_parameters(remove_duplicate=False))
    found = {tensor.name: tensor.shape for tensor in snapshot.parameters()}
    assert found == {name: tuple(parameter.shape) for name, parameter in named.items()}
    assert tally(snapshot).stored == sum(parameter.numel() for parameter in live.parameters())


def test_without_architectures_it_is_the_base_model_and_a_note_says_so() -> None:
    snapshot = read(**SMALL)
    assert snapshot.source.title == "GPT2Model (gpt2)"
    assert snapshot.source.notes == ("No class is named: this is the base model, GPT2Model.",)


@pytest.mark.parametrize(
    "name", ["EvilForCausalLM", "BertModel", "AutoModel", "GPT2Config", "os.system", "__doc__"]
)
def test_a_class_that_is_not_one_of_this_type_is_replaced_by_the_base_model(name: str) -> None:
    snapshot = read(**SMALL, architectures=[name])
    assert snapshot.source.title == "GPT2Model (gpt2)"
    assert f"{name} is no class" in snapshot.source.notes[-1]


def test_kernels_and_quantizers_are_dropped_with_a_note() -> None:
    snapshot = read(**SMALL, _attn_implementation="evil/kernel", quantization_config={"quant_method": "evil"})
    assert "_attn_implementation, quantization_config" in snapshot.source.notes[0]
    assert snapshot == read(**SMALL)


def test_fields_that_the_model_lacks_are_dropped_with_a_note() -> None:
    snapshot = read(**SMALL, task_specific_params={}, to_dict=5)
    assert "task_specific_params, to_dict" in snapshot.source.notes[0]


def test_t5_v11_is_built_tied_and_the_note_names_the_released_count() -> None:
    t5 = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 768, "d_ff": 2048}
    t5 |= {"num_layers": 12, "num_heads": 12, "feed_forward_proj": "gated-gelu"}
    for flag in ({"tie_word_embeddings": False}, {}):
        (note,) = snapshot_of(t5 | flag, LOCAL, trace=False).source.notes
        assert "24,674,304 parameters more, 247,577,856 in all" in note  # 32,128 × 768
    assert (
        "says tie_word_embeddings: false"
        in snapshot_of(t5 | {"tie_word_embeddings": False}, LOCAL, trace=False).source.notes[0]
    )


def test_a_flag_that_is_followed_needs_no_note() -> None:
    for flag in (True, False):
        snapshot = read(**SMALL, architectures=["GPT2LMHeadModel"], tie_word_embeddings=flag)
        assert snapshot.source.notes == ()
        assert bool(tied_groups(snapshot)) is flag
        assert snapshot.source.fact("tie_word_embeddings") == str(flag).lower()


def test_the_declared_type_of_the_weights_is_kept() -> None:
    assert {t.dtype for t in read(**SMALL, torch_dtype="bfloat16").parameters()} == {"bfloat16"}
    assert {t.dtype for t in read(**SMALL, torch_dtype="load").parameters()} == {"float32"}


@pytest.mark.parametrize(
    "fields",
    [
        {"model_type": "t5", "num_layers": 1, "d_model": 16, "num_heads": 2, "d_kv": 8, "vocab_size": 16},
        {"model_type": "vit", "num_hidden_layers": 1, "hidden_size": 12, "intermediate_size": 8},
        {"model_type": "whisper", "encoder_layers": 1, "decoder_layers": 1},
        {"model_type": "mixtral", "num_hidden_layers": 1, "hidden_size": 64, "vocab_size": 16},
        {"model_type": "mamba", "num_hidden_layers": 1, "hidden_size": 16, "vocab_size": 16},
        {"model_type": "wav2vec2", "num_hidden_layers": 1},
    ],
    ids=lambda fields: fields["model_type"],
)
def test_each_kind_of_input_is_traced(fields: dict[str, Any]) -> None:
    snapshot = read(**fields)
    assert snapshot.steps
    assert tally(snapshot).used


def test_a_model_without_an_example_input_opens_with_a_note() -> None:
    snapshot = read(model_type="clip")
    assert snapshot.steps is None
    assert "cannot be traced" in snapshot.source.notes[-1]
    assert tally(snapshot).used is None


def test_the_hub_stays_off_and_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    read(**SMALL)
    assert os.environ["HF_HUB_OFFLINE"] == "0"
    with pytest.raises(FormatError) as caught:
        read(model_type="detr", use_timm_backbone=True, backbone="resnet50", use_pretrained_backbone=True)
    assert caught.value.code == "config"


def test_two_reads_are_equal() -> None:
    fields = json.loads(samples.EACH["config"]().data)
    assert read(**fields) == read(**fields)


def test_a_hosted_config_is_built_in_a_process_of_its_own_and_comes_out_equal() -> None:
    upload = samples.EACH["config"]()
    hosted, local = load(upload, limits=HOSTED), load(upload)
    assert hosted == local
    assert (hosted.steps, hosted.source) == (local.steps, local.source)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"config_worker_bytes": 2**29}, "memory"),
        ({"cpu_seconds": 1}, "timeout"),
        ({"wall_seconds": 1}, "timeout"),
    ],
    ids=["memory", "processor", "clock"],
)
def test_a_worker_that_takes_too_much_is_ended(changes: dict[str, int], code: str) -> None:
    with pytest.raises(FormatError) as caught:
        load(samples.EACH["config"](), limits=replace(HOSTED, **changes))
    assert caught.value.code == code


def test_an_error_of_the_worker_is_the_error_of_the_file() -> None:
    for limits in (HOSTED, LOCAL):
        with pytest.raises(FormatError, match=r"config\.json: .*the field n_embd") as caught:
            load(samples.config(**SMALL | {"n_embd": "768"}), limits=limits)
        assert caught.value.code == "config"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"n_embd": 10, "n_head": 3},
            r"divisible by num_heads \(got `embed_dim`: 10 and `num_heads`: 3\)\.$",
        ),
        (
            {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 6},
            r"config: The hidden size \(64\) is not a multiple of the number of attention heads \(6\)\.$",
        ),
        ({"model_type": "llama", "hidden_size": "x"}, "the field hidden_size: expected int, got str\\.$"),
        ({"activation_function": "nope"}, "the library does not know nope\\.$"),
        ({"activation_function": "x " * 100}, "x x…$"),
        ({"activation_function": "x" * 100}, "xx…$"),
        ({"model_type": "t5", "feed_forward_proj": "gate " * 100}, "gate gate…$"),
        ({"model_type": "layoutlmv2"}, "it needs the library detectron2, which is not installed here\\.$"),
    ],
)
def test_what_the_library_says_is_a_whole_sentence_or_cut_after_a_word(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(FormatError) as caught:
        read(**(SMALL | {"n_layer": 1} | fields))
    assert caught.value.code == "config"
    assert re.search(said, caught.value.message)
    assert len(caught.value.message) < 200
