"""Snapshots for the tests of the graph: small language models under a table, and files by name alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from shareviz.layers import stacks, table_plan
from shareviz.models import snapshot_of
from shareviz.plan import Plan, tie
from shareviz.snapshot import Evidence, Kind, Region, Snapshot, Source, Tensor, contiguous

Rule = Callable[[int, str], int]  # (layer, column) → row


@functools.cache
def language_model(layers: int = 12) -> Snapshot:
    """Return a language model with nothing shared."""
    return snapshot_of(f"language_model?layers={layers}&width=8&heads=2&vocab=6&context=9")


def shared(rule: Rule, layers: int = 12, *, tied: bool = False) -> Snapshot:
    """Return the language model under a table of rows; norms stay apart unless the rule is asked."""
    model = language_model(layers)
    stack = stacks(model)[0]
    rows = [[rule(layer, column) for layer in range(layers)] for column in stack.columns]
    after = table_plan(model, stack, rows).apply(model)
    return Plan((tie("head.weight", "tok_emb.weight"),)).apply(after) if tied else after


def apart(rule: Callable[[int], int]) -> Rule:
    """Return a rule in which every layer keeps its norms."""
    return lambda layer, column: layer if "norm" in column else rule(layer)


def file_of(*groups: str | Sequence[str]) -> Snapshot:
    """Return a file, which has names and no modules; the names of one group read one storage."""
    tensors = tuple(_slot(name, storage) for storage, group in enumerate(groups) for name in _listed(group))
    return Snapshot(tensors, storages=(64,) * len(groups), source=Source("safetensors", "file"))


def _listed(group: str | Sequence[str]) -> Sequence[str]:
    return (group,) if isinstance(group, str) else group


def _slot(name: str, storage: int) -> Tensor:
    return Tensor(
        name=name,
        module=name.rpartition(".")[0],
        shape=(4, 4),
        dtype="float32",
        region=Region(storage, 0, contiguous((4, 4))),
        kind=Kind.UNKNOWN,
        evidence=Evidence.STATED,
    )
