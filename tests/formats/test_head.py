"""A missing head is inferred for language models alone, and never where a file holds another reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from transformers import AutoConfig

from shareviz.formats import Upload, load
from shareviz.sharing import tied_groups
from shareviz.snapshot import Evidence, Snapshot
from tests.formats import hostile

SMALL: dict[str, Any] = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "vocab_size": 16}
SMALL |= {"num_hidden_layers": 2, "num_key_value_heads": 2, "pad_token_id": 0, "tie_word_embeddings": True}
TIED = ["Qwen2ForCausalLM", "LlamaForCausalLM", "GPT2LMHeadModel", "Gemma2ForCausalLM", "GPTNeoXForCausalLM"]
NOT = ["Qwen2Model", "BertModel", "BertForMaskedLM", "ModernBertModel", "ModernBertForMaskedLM"]
NOT += ["Qwen2ForSequenceClassification", "RobertaForMaskedLM", "T5ForConditionalGeneration", "ViTModel"]
WHOLE = ("vit", "albert", "distilbert", "t5", "gpt_neo")  # built as they are: their fields have other names
NOT += ["ImageGPTModel", "GPTNeoModel", "AlbertModel", "DistilBertModel"]


def stored(name: str, *, file: str = "model.safetensors", **fields: Any) -> Snapshot:
    """Return a model as transformers stores it, each tensor under one name; the data is left out."""
    cls = getattr(transformers, name)
    kind = cls.config_class.model_type
    known = AutoConfig.for_model(kind)
    kept = {key: value for key, value in SMALL.items() if hasattr(known, key)} | fields
    if kind in WHOLE:
        kept = {}
    with torch.device("meta"):
        model = cls(AutoConfig.for_model(kind, **kept))
    model.tie_weights()
    return load(Upload(file, header(dict(model.named_parameters()))))


def header(parameters: dict[str, torch.Tensor]) -> bytes:
    entries, end = {}, 0
    for key, value in parameters.items():
        start, end = end, end + 4 * value.numel()
        entries[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [start, end]}
    return hostile.header(entries)


@pytest.mark.parametrize("name", TIED)
def test_a_tied_language_model_lacks_its_head(name: str) -> None:
    snapshot = stored(name)
    (group,) = tied_groups(snapshot)
    assert group.evidence is Evidence.INFERRED
    assert group.names[1] == "lm_head.weight"
    assert any("lm_head.weight is inferred, not stated" in note for note in snapshot.source.notes)


@pytest.mark.parametrize("name", NOT)
def test_nothing_is_inferred_of_encoders_of_base_models_and_of_other_heads(name: str) -> None:
    snapshot = stored(name)
    assert tied_groups(snapshot) == ()
    assert any("cannot say what is tied" in note for note in snapshot.source.notes)


def test_nothing_is_inferred_of_an_untied_model() -> None:
    assert tied_groups(stored("Qwen2ForCausalLM", tie_word_embeddings=False)) == ()


def test_nothing_is_inferred_of_one_shard() -> None:
    assert tied_groups(stored("Qwen2ForCausalLM", file="model-00001-of-00002.safetensors")) == ()


def test_gpt2s_published_file_is_known_without_its_prefix() -> None:
    (group,) = tied_groups(stored("GPT2Model"))
    assert group.names == ("wte.weight", "lm_head.weight")
    assert group.evidence is Evidence.INFERRED


PLAIN = {
    "model.embed_tokens.weight": (5, 4),
    "model.norm.weight": (4,),
    "model.layers.0.mlp.up_proj.weight": (4, 4),
}
PLAIN |= {"model.layers.1.mlp.up_proj.weight": (4, 4)}


def ties(changes: dict[str, tuple[int, ...] | None]) -> bool:
    """Return whether a head is inferred of PLAIN with names added, or taken away by None."""
    shapes = {name: shape for name, shape in (PLAIN | changes).items() if shape is not None}
    return bool(
        tied_groups(
            load(
                Upload("a.safetensors", header({name: torch.zeros(shape) for name, shape in shapes.items()}))
            )
        )
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"model.norm.weight": None},
        {"model.norm.weight": (3,)},
        {"model.layers.1.mlp.up_proj.weight": None},
        {"model.towers.0.a": (2,), "model.towers.1.a": (2,)},
        {"model.shared.weight": (5, 4)},
        {"model.encoder.norm.weight": (4,)},
        {"model.pooler.dense.weight": (4, 4)},
        {"head.norm.weight": (4,)},
        {"lm_head.weight": (5, 4)},
        {"model.embed_tokens.weight": None, "embed_tokens.weight": (5, 4)},
        {"model.embed_tokens.weight": (20,)},
    ],
    ids=str,
)
def test_one_name_more_or_less_is_enough_to_say_nothing(changes: dict[str, tuple[int, ...] | None]) -> None:
    assert ties({})
    assert not ties(changes)
