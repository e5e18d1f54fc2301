"""The values of a strategy's options that a model leaves room for, so that no control offers a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from shareviz.errors import PlanError
from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.strategies import Strategy, applies, stacks_of
from shareviz.strategies._groups import groups, inner_matrices
from shareviz.strategies.embeddings import token_tables
from shareviz.strategies.grouped import key_values
from shareviz.strategies.hashed import most_buckets
from shareviz.strategies.lowrank import most_rank
from shareviz.strategies.mixtures import basis_groups, most_atoms, most_basis

_GROUPS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # layers that share a basis


def choices(
    strategy: Strategy, option: Option, values: Mapping[str, Value], model: Snapshot
) -> tuple[Value, ...]:
    """Return the values to offer for an option, in order; the present one only where the model takes it.

    Args:
        values: The present value of each option; some limit others.
        model: What the strategy is applied to.
    """
    if option.name == "parts":  # a model may hold no attention, or nothing else
        tried = {part: {**values, option.name: part} for part in option.choices}
        return tuple(part for part in tried if not applies(strategy, model, tried[part]))
    if option.choices:
        return option.choices
    found = set(_numbers(strategy, option, values, model))
    if values[option.name] not in found and not applies(strategy, model, values):
        found.add(values[option.name])
    return tuple(sorted(found, key=float))


def _numbers(
    strategy: Strategy, option: Option, values: Mapping[str, Value], model: Snapshot
) -> tuple[Value, ...]:
    layers = max((len(stack.layers) for stack in stacks_of(model, "layers")), default=1)
    ends, middle = int(values.get("ends", 0)), int(values.get("middle", 1))
    match option.name:
        case "stored":
            return tuple(range(1, min(64, layers) + 1))
        case "ends":
            return tuple(range((layers - middle - 1) // 2 + 1))
        case "middle":
            return tuple(range(1, layers - 2 * ends))
        case "every":
            return tuple(range(2, layers // (int(values["blocks"]) + 1) + 1))
        case "blocks":
            return tuple(range(1, min(8, layers // int(values["every"]) - 1) + 1))
        case "kv_heads":
            heads = min((part.kv_heads or 1 for part in key_values(model)), default=1)
            return tuple(number for number in range(1, heads + 1) if heads % number == 0)
        case "ratio":
            return tuple(2**power for power in range(1, 7))
        case "group":
            tried = {size: {**values, option.name: size} for size in _GROUPS if size <= layers}
            return tuple(size for size in tried if not applies(strategy, model, tried[size]))
        case "hashes":
            return tuple(
                number for number in range(1, 5) if _buckets(model, number) >= int(values["buckets"])
            )
        case "buckets":
            return _powers(_buckets(model, int(values["hashes"])))
    try:
        most = _most(strategy, values, model)
    except PlanError:  # nothing of this kind in the model: the present value stands alone
        return ()
    return tuple(range(1, min(64, most) + 1)) if option.name == "atoms" else _powers(most)


def _most(strategy: Strategy, values: Mapping[str, Value], model: Snapshot) -> int:
    """Return the largest number of atoms, or rank, at which a strategy stores less than the model.

    Raises:
        PlanError: The model holds no such matrices.
    """
    match strategy.name:
        case "atoms":
            return max(map(most_atoms, groups(model, values)))
        case "basis":
            return max(most_basis(group, flip) for group, flip in basis_groups(model, values).items())
        case "low_rank":
            return max(map(most_rank, inner_matrices(model, values)))
        case "factorised":
            return max(((table.numel - 1) // sum(table.shape) for table in token_tables(model)), default=1)
    return _half_width(model)


def _half_width(model: Snapshot) -> int:
    """Return half of the shortest side of a matrix in the layers: more would be no small correction."""
    sides = [
        min(model.by_name[name].shape)
        for stack in stacks_of(model, "layers")
        for name in stack.slots()
        if name in model.by_name and len(model.by_name[name].shape) == 2
    ]
    return max(1, min(sides, default=2) // 2)


def _buckets(model: Snapshot, hashes: int) -> int:
    """Return the most hashed rows that save on any token table."""
    return max((most_buckets(table, hashes) for table in token_tables(model)), default=0)


def _powers(most: int) -> tuple[Value, ...]:
    return tuple(2**power for power in range(max(0, most).bit_length()) if 2**power <= most)
