"""The examples of the dialog, as saved snapshots: `python -m shareviz.models._examples` writes them anew.

They are files so that the first page needs no torch. A test holds each equal to a fresh capture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from shareviz.jsonio import to_json
from shareviz.models import build, inputs_of
from shareviz.plan import Plan, tie
from shareviz.snapshot import Snapshot, Source

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent.parent / "examples"
SUFFIX = ".shareviz.json"
LENGTH = 8


@dataclass(frozen=True, slots=True)
class Example:
    """One example: its title, its module on meta with the inputs of a trace, and facts of its source."""

    title: str
    make: Callable[[], tuple[nn.Module, Mapping[str, Any]]]
    facts: tuple[tuple[str, str], ...] = ()


def captured(example: Example) -> Snapshot:
    """Return the example as data, traced on meta."""
    import torch

    from shareviz.trace import traced

    with torch.device("meta"):
        module, inputs = example.make()
        seen = traced(module, **inputs)
    if seen.steps is None:
        raise RuntimeError(f"{example.title}: {seen.source.notes}")
    return replace(seen, source=Source("example", example.title, seen.source.notes, example.facts))


def write(folder: Path = FOLDER) -> None:
    """Write a file for each example."""
    folder.mkdir(exist_ok=True)
    for name, example in EXAMPLES.items():
        (folder / f"{name}{SUFFIX}").write_text(to_json(captured(example)) + "\n", encoding="utf-8")


Made = tuple["nn.Module", Mapping[str, Any]]


def _tokens(*names: str) -> Mapping[str, Any]:
    import torch

    return {name: torch.zeros(1, LENGTH, dtype=torch.long) for name in names}


def _published(model: str, config: str, *inputs: str, **sizes: Any) -> Made:
    import transformers

    module: nn.Module = getattr(transformers, model)(getattr(transformers, config)(**sizes))
    return module, _tokens(*inputs)


def _albert() -> Made:
    sizes = {
        "hidden_size": 768,
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "intermediate_size": 3072,
    }
    return _published(
        "AlbertModel", "AlbertConfig", "input_ids", vocab_size=30_000, embedding_size=128, **sizes
    )


def _gpt2() -> Made:
    return _published("GPT2LMHeadModel", "GPT2Config", "input_ids")


def _lost_tie() -> Made:
    from torch import nn

    module, inputs = _gpt2()
    # as after a load with `assign=True`, or `.to("meta")`: the flag stays, the tie is gone
    head = module.get_submodule("lm_head")
    head.weight = nn.Parameter(module.get_parameter("lm_head.weight").detach().clone())
    return module, inputs


def _t5() -> Made:
    sizes = {"d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8}
    return _published("T5ForConditionalGeneration", "T5Config", "input_ids", "decoder_input_ids", **sizes)


def _zamba() -> Made:
    kinds = ["mamba", "mamba", "hybrid"] * 4
    sizes = {"num_hidden_layers": len(kinds), "num_mem_blocks": 2}
    return _published("Zamba2ForCausalLM", "Zamba2Config", "input_ids", layers_block_type=kinds, **sizes)


def _tied(text: str, pairs: Mapping[str, str]) -> nn.Module:
    """Return a catalogue model in which each parameter under a path reads that under another."""
    from shareviz.realize import realize

    module = build(text)
    names = [name for name, _ in module.named_parameters()]
    ties = (
        tie(f"{path}{name.removeprefix(owner)}", name)
        for path, owner in pairs.items()
        for name in names
        if name.startswith(f"{owner}.")
    )
    return realize(Plan(tuple(ties)), module)


def _cycle() -> Made:
    layers = {
        f"blocks.{layer}.{part}": f"blocks.{layer % 3}.{part}"
        for layer in range(3, 12)
        for part in ("attention", "ffn")
    }
    return _tied("language_model", {"head": "tok_emb", **layers}), _tokens("tokens")


def _over_time() -> Made:
    module = _tied("gru_classifier", {f"cells.{step}": "cells.0" for step in range(1, 12)})
    return module, {"x": inputs_of("gru_classifier")[0]}


def _siamese() -> Made:
    from shareviz.nets.towers import Siamese, Tower

    tower = Tower(64, 32, layers=2)
    left, right = inputs_of("siamese")
    return Siamese([tower, tower], width=32), {"left": left, "right": right}


def _repeated() -> Made:
    from torch import nn

    module = build("language_model?layers=1")
    module.blocks = nn.ModuleList([module.get_submodule("blocks.0")] * 6)
    return module, _tokens("tokens")


_LENGTH = (("length", str(LENGTH)),)
_DECLARED = (("tie_word_embeddings", "true"), ("declared_ties", "lm_head.weight=transformer.wte.weight"))

EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "gpt12-cycle3": Example("GPT, 12 layers, cycle of 3", _cycle, _LENGTH),
        "albert-base": Example("ALBERT-base", _albert, _LENGTH),
        "gpt2-small": Example("GPT-2 small, tied head", _gpt2, (*_LENGTH, *_DECLARED)),
        "t5-small": Example("T5-small, three-way tie", _t5, _LENGTH),
        "zamba-like": Example("Zamba2, 12 layers, blocks ABAB", _zamba, _LENGTH),
        "siamese": Example("Siamese, one tower", _siamese),
        "gru-over-time": Example("GRU, 12 steps, one cell", _over_time, (("length", "12"),)),
        "broken-repeated-layer": Example("Broken: [layer] * 6", _repeated, _LENGTH),
        "broken-lost-tie": Example("Broken: a lost tie", _lost_tie, (*_LENGTH, *_DECLARED)),
    }
)

if __name__ == "__main__":
    write()
