"""Rules of the guide: heads, caches, corrections, and low rank as what is no sharing."""

from __future__ import annotations

from shareviz.guide._base import Rule, rank_for
from shareviz.snapshot import Snapshot
from shareviz.strategies.grouped import key_values

_ANY = frozenset(("language-model", "encoder", "classifier", "fine-tuning"))


def _fewer_heads(snapshot: Snapshot) -> str:
    heads = [part.kv_heads for part in key_values(snapshot) if part.kv_heads]
    least = min(heads, default=4)
    return f"gqa?kv_heads={next(n for n in range(max(1, least // 4), 0, -1) if least % n == 0)}"


RULES = (
    Rule(
        "kv-heads",
        "Groups of query heads that share keys and values",
        frozenset(("language-model",)),
        {"kv": 3, "disk": 1},
        _fewer_heads,
        "The KV cache by the number of heads, and a part of the projections.",
        "FLOPs of the scores, gradients and state of everything else.",
        "It has to be built in; trained weights need further training. Very few heads hurt long contexts.",
        ("gqa",),
        kv_divisor=4,
    ),
    Rule(
        "kv-layers",
        "Two layers for one cache",
        frozenset(("language-model",)),
        {"kv": 2},
        lambda snapshot: "",
        "Half of the KV cache. Activations are shared, no parameter.",
        "Weights, gradients, optimizer state, FLOPs of the scores.",
        "It has to be built in. More than two layers for one cache did worse where it was measured.",
        ("cross-layer",),
        ("cross-layer-more",),
        kv_layers=2,
    ),
    Rule(
        "lora",
        "Small corrections, the model frozen (LoRA)",
        frozenset(("fine-tuning",)),
        {"memory": 3, "optimizer": 3, "traffic": 3, "overfitting": 2},
        lambda snapshot: f"lora?rank={rank_for(snapshot, 4, 8)}",
        "What is trained: gradients, optimizer state and traffic.",
        "Disk: the model stays and corrections are added. FLOPs and activations stay.",
        "It shares nothing between layers. One model with many corrections shares the model between tasks.",
        ("lora-count",),
        needs_trained=True,
        retrains=False,
        shares=False,
    ),
    Rule(
        "shared-corrections",
        "Corrections that layers share (VeRA)",
        frozenset(("fine-tuning",)),
        {"memory": 3, "optimizer": 3, "traffic": 3, "overfitting": 3},
        lambda snapshot: f"vera?rank={rank_for(snapshot, 4, 8)}",
        "Still more of what is trained: two vectors for each matrix.",
        "Disk: the model stays. FLOPs and activations stay.",
        "For very many tasks, where each correction has to be tiny.",
        ("vera", "share-lora"),
        ("shared-a-artefact",),
        needs_trained=True,
        retrains=False,
    ),
    Rule(
        "low-rank",
        "Matrices of low rank, which is no sharing",
        _ANY,
        {"speed": 3, "disk": 1},
        lambda snapshot: f"low_rank?rank={rank_for(snapshot, 4, 128)}",
        "Weights, and compute where the product is never formed.",
        "KV cache. The ledger here counts the work of the whole matrix.",
        "The answer where speed hurts and sharing cannot help; quality falls with the rank.",
        (),
        ("masa",),
        shares=False,
    ),
)
