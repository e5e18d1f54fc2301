"""Rules of the guide: token tables."""

from __future__ import annotations

from shareviz.guide._base import Rule
from shareviz.snapshot import Snapshot
from shareviz.strategies.embeddings import token_tables

_TEXT = frozenset(("language-model", "encoder"))


def _narrow(snapshot: Snapshot) -> str:
    width = min((table.shape[1] for table in token_tables(snapshot)), default=512)
    return f"factorised?rank={min(128, max(1, width // 4))}"


def _buckets(snapshot: Snapshot) -> str:
    rows = min((table.shape[0] for table in token_tables(snapshot)), default=8)
    return f"hash_embeddings?buckets={min(4096, max(1, rows // 8))}"


RULES = (
    Rule(
        "tied",
        "One table for input and output",
        frozenset(("language-model",)),
        {"disk": 3, "memory": 3, "optimizer": 3, "traffic": 3, "overfitting": 3},
        lambda snapshot: "tied",
        "The output head, once.",
        "FLOPs: the head still multiplies. Logits take as much memory as before.",
        "The first thing to try in a small model, where the tables are a large part; large models tend to "
        "keep them apart.",
        ("press-wolf", "mobile-llm-tied", "three-way"),
        ("tied-scale",),
    ),
    Rule(
        "narrow-table",
        "A narrow token table",
        _TEXT,
        {"disk": 2, "memory": 2, "optimizer": 2, "traffic": 2},
        _narrow,
        "Most of the table where the vocabulary is large.",
        "It adds a small product to each token. Low rank, not sharing.",
        "Good beside shared layers, less good beside layers that stand apart.",
        ("factorised-shared",),
        ("factorised-apart",),
        shares=False,
    ),
    Rule(
        "hashed-table",
        "Token vectors from a few hashed rows",
        _TEXT,
        {"disk": 2, "memory": 1, "optimizer": 1},
        _buckets,
        "Most of the table where the vocabulary is large.",
        "No compute: each token costs a few more look-ups and a sum.",
        "Frequent tokens that collide suffer; keep enough rows for them.",
    ),
)
