"""A head that a file lacks beside its token table: inferred where the names are a language model's.

A file of a tied model stores the table alone, and so does one of a model without a head. They are
told apart by the prefix that a class with a head puts before the names of its base model; GPT-2's
published file is the known exception. Encoders are never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from shareviz.layers import stacks
from shareviz.roles import Role, role
from shareviz.snapshot import Evidence, Snapshot, Tensor

_SHARD = re.compile(r"-\d+-of-\d+")
_BASE = re.compile(r"(?P<base>model|transformer|gpt_neox)\.(embed_tokens|wte|embed_in|word_embeddings)")
_NORMS = frozenset({"norm", "ln_f", "final_norm", "final_layernorm", "final_layer_norm", "ln_out"})
_NOT_CAUSAL = re.compile(
    r"(^|\.)(encoder|decoder|pooler|cls|\w*heads?|vision\w*|visual|audio\w*|text_model)(\.|$)"
)


def inferred_head(tensors: Sequence[Tensor], file_name: str) -> tuple[Tensor, ...]:
    """Return the head that reads the token table, or nothing where the names do not suggest one.

    Exactly one token table, one stack of blocks, a final norm as wide as the table, all below one
    prefix, and no name that acts as a head. One shard of several proves nothing.
    """
    weights = [tensor for tensor in tensors if tensor.counts]
    roles = {tensor.name: role(tensor.name) for tensor in weights}
    tables = [tensor for tensor in weights if roles[tensor.name] is Role.EMBEDDING]
    if len(tables) != 1 or Role.HEAD in roles.values() or _SHARD.search(file_name):
        return ()
    if any(_NOT_CAUSAL.search(name) for name in roles):
        return ()
    (table,) = tables
    named = _BASE.fullmatch(table.module)
    if len(table.shape) != 2 or (named is None and not _is_gpt2(weights, table)):
        return ()
    dot = f"{named['base']}." if named else ""
    if not _is_stacked(weights, dot) or not _has_final_norm(weights, dot, table.shape[1]):
        return ()
    return (replace(table, name="lm_head.weight", module="lm_head", evidence=Evidence.INFERRED),)


def _is_gpt2(weights: Sequence[Tensor], table: Tensor) -> bool:
    """Whether these are GPT-2's own names and shapes: its published file has no prefix."""
    shapes = {tensor.name: tensor.shape for tensor in weights}
    width = table.shape[1]
    joined = shapes.get("h.0.attn.c_attn.weight") == (width, 3 * width)
    return table.name == "wte.weight" and joined and {"wpe.weight", "ln_f.bias"} <= shapes.keys()


def _is_stacked(weights: Sequence[Tensor], dot: str) -> bool:
    bare = tuple(replace(tensor, region=None) for tensor in weights)
    found = stacks(Snapshot(bare))
    return len(found) == 1 and found[0].prefix.startswith(dot) and len(found[0].layers) > 1


def _has_final_norm(weights: Sequence[Tensor], dot: str, width: int) -> bool:
    norms = {f"{dot}{name}.weight" for name in _NORMS}
    return any(tensor.name in norms and tensor.shape == (width,) for tensor in weights)
