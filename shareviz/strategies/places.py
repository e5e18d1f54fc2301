"""Sharing over space, time, tasks and sides: one kernel, one cell, one trunk, one tower.

Source:
    LeCun et al. (1989), Generalization and network design strategies; Elman (1990), Finding
    structure in time; Caruana (1997), Multitask learning; Bromley et al. (1993), Signature
    verification by a Siamese time delay network.
"""

from __future__ import annotations

import re

from shareviz.errors import PlanError
from shareviz.forms import Rows
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot
from shareviz.strategies._base import Strategy, Values
from shareviz.strategies._formed import formed
from shareviz.strategies._stacks import stacks_of, tie_all

_LOCAL = re.compile(r"LocalConv|LocallyConnected")


def _space(snapshot: Snapshot, values: Values) -> Plan:
    local = {module.path for module in snapshot.modules if _LOCAL.search(module.cls)}
    forms = {
        slot.name: Rows((0,) * slot.shape[0])  # axis 0 counts the positions
        for slot in snapshot.parameters()
        if slot.module in local and slot.shape and slot.name not in snapshot.pieces
    }
    if not forms:
        raise PlanError(
            "No locally connected layer found, so there is no kernel to share over positions.",
            hint="Choose the image classifier.",
        )
    return Plan(formed(snapshot, forms), "Convolution")


def _time(snapshot: Snapshot, values: Values) -> Plan:
    found = stacks_of(snapshot, "cells")
    if not found:
        raise PlanError(
            "No list of cells found, so there is nothing to share over time.",
            hint="Choose a model with a cell for each step.",
        )
    return tie_all(snapshot, found, "One cell")


def _tasks(snapshot: Snapshot, values: Values) -> Plan:
    towers, heads = stacks_of(snapshot, "towers"), stacks_of(snapshot, "heads")
    if not towers or not heads:
        raise PlanError(
            "No towers with a head each found, so there is no trunk to share between tasks.",
            hint="Choose the multi-task model.",
        )
    return tie_all(snapshot, towers, "One trunk")


def _siamese(snapshot: Snapshot, values: Values) -> Plan:
    towers = [stack for stack in stacks_of(snapshot, "towers") if len(stack.layers) == 2]
    if not towers or stacks_of(snapshot, "heads"):
        raise PlanError(
            "No pair of towers found, so there are no two sides to share.", hint="Choose the pair of towers."
        )
    return tie_all(snapshot, towers, "One tower")


STRATEGIES = (
    Strategy(
        "space",
        "Convolution",
        "One kernel serves every position: a locally connected layer becomes a convolution.",
        (),
        _space,
        lambda values: "Convolution",
        "LeCun et al. (1989), Generalization and network design strategies, section 5",
        forms=True,
    ),
    Strategy(
        "time",
        "One cell",
        "One cell serves every step: an unrolled chain becomes a recurrent network.",
        (),
        _time,
        lambda values: "One cell",
        "Elman (1990), Finding structure in time, section 2",
    ),
    Strategy(
        "tasks",
        "One trunk",
        "One trunk serves every task; each keeps its own head.",
        (),
        _tasks,
        lambda values: "One trunk",
        "Caruana (1997), Multitask learning, section 1",
    ),
    Strategy(
        "siamese",
        "One tower",
        "One tower serves both sides of a pair.",
        (),
        _siamese,
        lambda values: "One tower",
        "Bromley et al. (1993), Signature verification by a Siamese time delay network, section 4",
    ),
)
