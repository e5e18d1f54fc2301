"""A shared block at intervals: every so many layers one stored block runs again, or a few take turns.

Source:
    Zamba, arXiv 2405.16712, and Zamba2, arXiv 2411.15242: one or two shared Transformer blocks among
    Mamba layers. Here the layers between are those that the model has.
"""

from __future__ import annotations

from shareviz.errors import PlanError
from shareviz.options import Option
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot
from shareviz.strategies._base import NORMS, PARTS, Strategy, Values, whole
from shareviz.strategies.depth import depth_stacks, only, share_depth
from shareviz.text import plural


def interval_rows(layers: int, every: int, blocks: int) -> tuple[int, ...]:
    """Return rows in which the last layer of each interval runs a stored block, the others their own.

    Example:
        >>> interval_rows(6, 2, 1), interval_rows(8, 2, 2)
        ((0, 1, 2, 1, 3, 1), (0, 1, 2, 3, 4, 1, 5, 3))
    """
    rows: dict[tuple[str, int], int] = {}
    for layer in range(layers):
        rows.setdefault(_block(layer, every, blocks), len(rows))
    return tuple(rows[_block(layer, every, blocks)] for layer in range(layers))


def _block(layer: int, every: int, blocks: int) -> tuple[str, int]:
    turn, place = divmod(layer, every)
    return ("shared", turn % blocks) if place == every - 1 else ("own", layer)


def _interval(snapshot: Snapshot, values: Values) -> Plan:
    every, blocks = whole(values, "every"), whole(values, "blocks")
    deepest = max(len(stack.layers) for stack in depth_stacks(snapshot))
    if deepest // every <= blocks:
        most = deepest // (blocks + 1)
        raise PlanError(
            f"Every {every} of {plural(deepest, 'layer')} is {plural(deepest // every, 'place')}: "
            f"{plural(blocks, 'stored block')} would never run again.",
            hint=_way_out(most),
        )
    return share_depth(snapshot, values, lambda layers: interval_rows(layers, every, blocks), _label(values))


def _way_out(most: int) -> str:
    if most < 2:
        return "Choose fewer blocks, or a deeper model."
    return "Choose every = 2." if most == 2 else f"Choose every from 2 to {most}."


def _label(values: Values) -> str:
    several = f", {values['blocks']} in turn" if values["blocks"] != 1 else ""
    return only(values, f"Shared every {values['every']}{several}")


STRATEGIES = (
    Strategy(
        "interval",
        "Shared at intervals",
        "Every so many layers one stored block runs again, or a few take turns; the others keep their own.",
        (
            Option("every", "Every", 6, 2, 64, help="How many layers lie from one shared block to the next."),
            Option("blocks", "In turn", 1, 1, 8, help="How many stored blocks take turns: 2 is A B A B."),
            PARTS,
            NORMS,
        ),
        _interval,
        _label,
        "Zamba, arXiv 2405.16712; Zamba2, arXiv 2411.15242 (two blocks in turn, among Mamba layers)",
    ),
)
