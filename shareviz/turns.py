"""The values of a strategy's options that a model leaves room for, so that no control offers a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from shareviz.options import Option, Value
from shareviz.snapshot import Snapshot
from shareviz.strategies import Strategy, applies, stacks_of
from shareviz.strategies.embeddings import token_tables
from shareviz.strategies.grouped import key_values


def choices(
    strategy: Strategy, option: Option, values: Mapping[str, Value], model: Snapshot
) -> tuple[Value, ...]:
    """Return the values to offer for an option, in order, the present one among them.

    Args:
        values: The present value of each option; some limit others.
        model: What the strategy is applied to.
    """
    if option.name == "parts":  # a model may hold no attention, or nothing else
        tried = {part: {**values, option.name: part} for part in option.choices}
        now = values[option.name]
        return tuple(part for part in tried if part == now or not applies(strategy, model, tried[part]))
    if option.choices:
        return option.choices
    found = _numbers(strategy, option, values, model)
    return tuple(sorted({*found, values[option.name]}, key=float))


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
    return _powers(_most_rank(strategy, model))


def _most_rank(strategy: Strategy, model: Snapshot) -> int:
    """Return the largest rank worth offering: a factor's breakeven, or half of a layer's width."""
    if strategy.name == "factorised":
        return max(((table.numel - 1) // sum(table.shape) for table in token_tables(model)), default=1)
    sides = [
        min(model.by_name[name].shape)
        for stack in stacks_of(model, "layers")
        for name in stack.slots()
        if name in model.by_name and len(model.by_name[name].shape) == 2
    ]
    return max(1, min(sides, default=2) // 2)


def _powers(most: int) -> tuple[Value, ...]:
    return tuple(2**power for power in range(most.bit_length()) if 2**power <= most)
