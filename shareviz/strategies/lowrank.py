"""Low rank: each matrix a product of two narrow ones. The contrast to sharing, which it is not."""

from __future__ import annotations

from shareviz.errors import PlanError
from shareviz.forms import Factor
from shareviz.options import Option
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot, Tensor
from shareviz.strategies._base import PARTS, Strategy, Values, whole
from shareviz.strategies._formed import formed
from shareviz.strategies._groups import inner_matrices, sides
from shareviz.strategies.depth import only


def most_rank(matrix: Tensor) -> int:
    """Return the largest rank at which two factors store less than the matrix: r·(m + p) < m·p."""
    return (matrix.numel - 1) // sum(sides(matrix.shape))


def _low_rank(snapshot: Snapshot, values: Values) -> Plan:
    rank = whole(values, "rank")
    found = inner_matrices(snapshot, values)
    fit = [matrix.name for matrix in found if rank <= most_rank(matrix)]
    if not fit:
        most = max(map(most_rank, found))
        raise PlanError(
            f"Factors of rank {rank} store more than every matrix that they would make.",
            hint=f"Choose rank from 1 to {most}." if most else "Leave these matrices whole.",
        )
    return Plan(formed(snapshot, dict.fromkeys(fit, Factor(rank))), _label(values))


def _label(values: Values) -> str:
    return only(values, f"Low rank {values['rank']}, unshared")


STRATEGIES = (
    Strategy(
        "low_rank",
        "Low rank (not sharing)",
        "Each matrix is a product of two narrow ones of its own: smaller, and nothing is shared. "
        "A matrix where this would store more stays whole.",
        (
            Option("rank", "Rank", 64, 1, 16_384, help="How many inner columns each product has."),
            PARTS,
        ),
        _low_rank,
        _label,
        "the definition of a matrix of low rank; here to compare with",
        forms=True,
    ),
)
