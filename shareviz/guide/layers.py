"""Rules of the guide: sharing across depth."""

from __future__ import annotations

from shareviz.guide._base import Rule, rank_for
from shareviz.snapshot import Snapshot
from shareviz.strategies import stacks_of

_DEEP = frozenset(("language-model", "encoder", "classifier"))
_SAME = "FLOPs, activations, latency and KV cache: every layer still runs."


def _depth(snapshot: Snapshot) -> int:
    return max((len(stack.layers) for stack in stacks_of(snapshot, "layers")), default=2)


def _halves(snapshot: Snapshot) -> str:
    return f"sequence?stored={max(1, _depth(snapshot) // 2)}"


def _relaxed(snapshot: Snapshot) -> str:
    return f"relaxed?stored={max(1, _depth(snapshot) // 2)}&rank={rank_for(snapshot, 8, 8)}"


RULES = (
    Rule(
        "halves",
        "Half the blocks, each run twice",
        _DEEP,
        {"disk": 2, "memory": 2, "optimizer": 2, "traffic": 2, "overfitting": 1},
        _halves,
        "About half of what the layers store, with their gradients and optimizer state.",
        _SAME,
        "The mildest way across depth. Compare it with a plain model of equal size, and give each its own "
        "learning rate.",
        ("mobile-llm", "takase-12"),
        ("recursions-135", "iso-depth"),
    ),
    Rule(
        "one-block",
        "One block in every layer",
        frozenset(("encoder", "classifier")),
        {"disk": 3, "memory": 3, "optimizer": 3, "traffic": 3, "overfitting": 3},
        lambda snapshot: "all",
        "All blocks but one.",
        _SAME,
        "It loses most where much must be remembered. A wider block regains quality and costs speed; vision "
        "models need small transforms of each layer's own.",
        ("universal", "looped-reasoning"),
        ("albert-all", "minivit"),
    ),
    Rule(
        "sandwich",
        "Own first and last layers, the middle shared",
        frozenset(("language-model",)),
        {"disk": 3, "memory": 3, "optimizer": 3, "traffic": 3, "overfitting": 2},
        lambda snapshot: "sandwich",
        "All blocks of the middle but one.",
        _SAME,
        "For generation, where one block for all layers fails. It needs at least four layers.",
        ("subformer", "middle-cycle"),
        ("recursions-135",),
    ),
    Rule(
        "attention",
        "Attention shared, feed-forward apart",
        _DEEP,
        {"disk": 1, "memory": 1, "optimizer": 1, "traffic": 1, "overfitting": 1},
        lambda snapshot: "all?parts=attention",
        "The attention of all layers but one.",
        _SAME,
        "It saves less than sharing whole blocks and has cost little where it was measured.",
        ("albert-attention",),
        ("wide-ffn",),
    ),
    Rule(
        "relaxed",
        "A shared base with a small correction in each layer",
        frozenset(("language-model", "fine-tuning")),
        {"disk": 2, "memory": 1, "traffic": 1},
        _relaxed,
        "About half of the layers, less the corrections.",
        _SAME,
        "It starts from trained weights and needs further training; a larger rank keeps more.",
        ("relaxed-gemma", "recursive-gemma"),
        ("recursions-135",),
        needs_trained=True,
    ),
    Rule(
        "basis",
        "A basis for neighbouring layers",
        frozenset(("language-model", "encoder", "fine-tuning")),
        {"disk": 2},
        lambda snapshot: f"basis?rank={rank_for(snapshot, 4, 128)}",
        "Part of every matrix of the layers, by the size of the basis.",
        "FLOPs as computed here: the matrices are made before they are used.",
        "For compressing what is trained; not every kind of matrix takes it well.",
        ("basis",),
        needs_trained=True,
        retrains=False,
    ),
)
