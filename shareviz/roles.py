"""What a tensor does in its model: embedding, head, attention, feed-forward, norm and so on.

The class decides first, then one ordered table of name patterns, from the innermost component of
the path outwards. Names are conventions, so a role is a good guess and is only used for labels,
for grouping and to find what a strategy may concern; no stored count but one depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from shareviz.once import once
from shareviz.snapshot import Snapshot


class Role(StrEnum):
    """The roles, in the order in which a map shows them."""

    EMBEDDING = "token table"
    POSITION = "positions"
    ATTENTION = "attention"
    FEED_FORWARD = "feed-forward"
    RECURRENT = "recurrent"
    CONVOLUTION = "convolution"
    ADAPTER = "adapter"
    ROUTER = "router"
    NORM = "norm"
    HEAD = "output head"
    OTHER = "other"


TABLES = frozenset({Role.EMBEDDING, Role.POSITION})

_CLASSES: tuple[tuple[str, Role], ...] = (
    (r"Norm", Role.NORM),
    (r"Rotary|Position", Role.POSITION),
    (r"(GRU|LSTM|RNN)(Cell)?$", Role.RECURRENT),
    (r"(Gate|Router|TopK)", Role.ROUTER),
    (r"MultiheadAttention", Role.ATTENTION),
    (r"Lora", Role.ADAPTER),
)

# a component of the path, matched whole and lower-case; the first row that matches decides
_NAMES: tuple[tuple[str, Role], ...] = (
    (r".*norm.*|ln(_?\w{1,8})?|bn\d*|rms_?\w*|n[12]", Role.NORM),
    (r"lora_\w+|(\w+_)?adapter\w*", Role.ADAPTER),
    (r"relative_attention_bias|(embed_)?position\w*|pos(_\w+)?|wpe|pos_?embed\w*", Role.POSITION),
    (r"patch_embed\w*|patch_proj\w*", Role.CONVOLUTION),
    (
        r"token_type_embeddings|segment\w*|seg_\w+|cls_token|class_token|mask_token|distillation_token",
        Role.OTHER,
    ),
    (
        r"wte|tok_emb\w*|embed_tokens|word_embed\w*|token_emb\w*|embed(ding)?(_in)?|shared|src_emb|tgt_emb",
        Role.EMBEDDING,
    ),
    (r"router|gate_?network", Role.ROUTER),
    (
        r"(\w+_)?(attn|attention)\w*|qkv|[qkv]|[qkvo]_proj|query\w*|key\w*|value|c_attn|w[qkv]|in_proj_\w+",
        Role.ATTENTION,
    ),
    (
        r"(\w+_)?(mlp|ffn?|feed_?forward)\w*|fc[12]|intermediate|densereludense|experts?|c_fc|w[123]|wi(_\d)?"
        r"|linear[12]|dense_h_to_4h|dense_4h_to_h|(gate|up|down)_proj|lin[12]",
        Role.FEED_FORWARD,
    ),
    (
        r"lm_?head|(\w+_)?heads?|classifier\w*|score|predictions|decoder_out|qa_outputs|embed_out|generator",
        Role.HEAD,
    ),
    (r"conv\w*|downsample|patch\w*", Role.CONVOLUTION),
    (r"(gru|lstm|rnn|cell)s?\w*|mamba\w*|mixer|ssm", Role.RECURRENT),
)
_COMPILED = tuple((re.compile(pattern), role) for pattern, role in _NAMES)
_CLASS_RE = tuple((re.compile(pattern), role) for pattern, role in _CLASSES)


@lru_cache(maxsize=65_536)
def role(name: str, cls: str = "", above: tuple[str, ...] = ()) -> Role:
    """Return the role of a tensor from its name, its module's class, and the classes above it.

    Example:
        >>> role("h.0.attn.c_attn.weight", "Conv1D").value, role("lm_head.weight", "Linear").value
        ('attention', 'output head')
    """
    for pattern, found in _CLASS_RE:
        if pattern.search(cls):
            return found
    parts = [part.lower() for part in name.split(".")]
    if parts[:-1] in (["output"], ["proj_out"]):  # GGUF's and Whisper's words for the head
        return Role.HEAD
    for part in reversed(parts):
        if not part.isdigit():
            for matcher, found in _COMPILED:
                if matcher.fullmatch(part):
                    return Role.OTHER if found is Role.EMBEDDING and _is_vector(name) else found
    return _by_class(cls, parts, above)


def _by_class(cls: str, parts: list[str], above: tuple[str, ...]) -> Role:
    if "Embedding" in cls:
        return Role.EMBEDDING
    if re.search(r"Conv[123]d|LocalConv|ConvTranspose", cls):
        return Role.CONVOLUTION
    for owner in above:
        if re.search(r"Attention|Attn", owner):
            return Role.ATTENTION
        if re.search(r"MLP|Mlp|FeedForward|FFN|Intermediate|Expert|Output$", owner):
            return Role.FEED_FORWARD
    # BERT's second feed-forward matrix is `layer.N.output.dense`
    return Role.FEED_FORWARD if parts[-3:-1] == ["output", "dense"] else Role.OTHER


def _is_vector(name: str) -> bool:
    return name.endswith(".bias")


@once
def roles(snapshot: Snapshot) -> Mapping[str, Role]:
    """Return the role of every parameter slot, derived weight and piece, by its first name."""
    classes = {module.path: module.cls for module in snapshot.modules}
    found = {}
    hosts = {slot.name: slot.module for slot in snapshot.parameters()}
    hosts |= {weight.name: weight.module for weight in snapshot.derived}
    for name, module in hosts.items():
        found[name] = role(name, classes.get(module, ""), _above(module, classes))
    for weight in snapshot.derived:
        for piece in weight.reads:
            found[piece] = found[weight.name]
    return found


def _above(path: str, classes: Mapping[str, str]) -> tuple[str, ...]:
    above = []
    while path:
        path = path.rpartition(".")[0]
        if path and path in classes:
            above.append(classes[path])
    return tuple(above[:4])
