"""Layers made of shared pieces and a little of their own: matrix atoms, and a basis for a group of layers.

Source:
    MASA, matrix atoms, arXiv 2508.04581; Wang et al. (2024), basis sharing, arXiv 2410.03765.
"""

from __future__ import annotations

from dataclasses import replace

from shareviz.errors import PlanError
from shareviz.forms import Factor, Mix
from shareviz.options import Option
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot
from shareviz.strategies._base import PARTS, Strategy, Values, whole
from shareviz.strategies._groups import Group, groups, sharing, sides
from shareviz.strategies.depth import only


def most_atoms(group: Group) -> int:
    """Return the most atoms with which a group stores less than its members: S·d² + L·S < L·d²."""
    layers = len(group.names)
    return (group.numel - 1) // (group.numel // layers + layers)


def most_basis(group: Group, flipped: bool) -> int:
    """Return the largest rank of a basis that stores less than its members: k·m + n·k·p < n·m·p.

    Args:
        flipped: Whether the first axis counts inputs.
    """
    outputs, inputs = sides(group.shape)[:: -1 if flipped else 1]
    return (group.numel - 1) // (inputs + len(group.names) * outputs)


def basis_groups(snapshot: Snapshot, values: Values) -> dict[Group, bool]:
    """Return the groups of neighbours that could share a basis, and whether inputs come first in them."""
    classes = {module.path: module.cls for module in snapshot.modules}
    return {
        group: classes.get(snapshot.by_name[group.names[0]].module) == "Conv1D"
        for group in groups(snapshot, values, whole(values, "group"))
    }


def _atoms(snapshot: Snapshot, values: Values) -> Plan:
    atoms = whole(values, "atoms")
    found = groups(snapshot, values)
    fit = [(group, Mix(atoms)) for group in found if atoms <= most_atoms(group)]
    if not fit:
        most = max(map(most_atoms, found))
        raise PlanError(
            f"With atoms = {atoms}, the atoms store more than the layers that they make.",
            hint=f"Choose atoms from 1 to {most}." if most else "Choose a model with more layers.",
        )
    return Plan(sharing(snapshot, fit, {group.names[0]: "atoms" for group, _ in fit}), _atoms_label(values))


def _atoms_label(values: Values) -> str:
    return only(values, f"Atoms {values['atoms']}")


def _basis(snapshot: Snapshot, values: Values) -> Plan:
    rank = whole(values, "rank")
    found = basis_groups(snapshot, values)
    fit = {group: flip for group, flip in found.items() if rank <= most_basis(group, flip)}
    if not fit:
        most = max(most_basis(group, flip) for group, flip in found.items())
        raise PlanError(
            f"A basis of rank {rank} for {values['group']} layers stores more than the layers themselves.",
            hint=f"Choose rank from 1 to {most}." if most else "Leave these layers whole.",
        )
    # the basis spans the inputs: it is the factor that stands beside them
    piece = {group.names[0]: "left" if flip else "right" for group, flip in fit.items()}
    return Plan(sharing(snapshot, [(group, Factor(rank)) for group in fit], piece), _basis_label(values))


def _basis_label(values: Values) -> str:
    return only(values, f"Basis {values['rank']}, groups of {values['group']}")


STRATEGIES = (
    Strategy(
        "atoms",
        "Matrix atoms",
        "Each weight is a sum of a few matrices that all layers share, with coefficients of its own.",
        (
            Option("atoms", "Atoms", 4, 1, 64, help="How many matrices all layers are mixed from."),
            replace(PARTS, default="attention"),
        ),
        _atoms,
        _atoms_label,
        "MASA, arXiv 2508.04581",
        forms=True,
    ),
    Strategy(
        "basis",
        "Basis sharing",
        "Neighbouring layers share a basis for their inputs, and each has coefficients of its own; "
        "a matrix where this would store more stays whole.",
        (
            Option("rank", "Basis size", 64, 1, 16_384, help="How many vectors the shared basis has."),
            Option("group", "Layers in a group", 2, 2, 64, help="How many neighbours share one basis."),
            PARTS,
        ),
        _basis,
        _basis_label,
        "Wang et al. (2024), arXiv 2410.03765",
        forms=True,
    ),
)
