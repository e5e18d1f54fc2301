"""What corrections of low rank would leave of the layers that share a matrix."""

from __future__ import annotations

import torch

from shareviz.plan import Plan
from shareviz.rewrites import PLAIN, WHOLE
from shareviz.snapshot import Snapshot
from shareviz.starts import Start
from shareviz.starts._making import planned
from shareviz.starts._weights import as_matrix
from shareviz.values import Values


def errors(plan: Plan, snapshot: Snapshot, values: Values, start: Start) -> tuple[tuple[int, float], ...]:
    """Return what `rank_errors` promises."""
    making = planned(plan, snapshot, values, start)
    whole, spectra = 0.0, []
    for root, names in making.readers.items():
        if root[1] not in (WHOLE, PLAIN, "base") or len(snapshot.by_name[root[0]].shape) < 2:
            continue
        making.add(root)
        shared = as_matrix(making.made.pop(root).double())
        for name in names:
            weight = as_matrix(making.weights(name).double())
            whole += float(weight.square().sum())
            spectra.append(_squares(weight - shared))
    most = max((len(squares) for squares in spectra), default=0)
    left = torch.zeros(most + 1, dtype=torch.float64)
    for squares in spectra:  # what is left after rank r: the squares beyond the largest r
        left[: len(squares)] += squares.flip(0).cumsum(0).flip(0)
    ranks = [
        0,
        *(2**power for power in range(most.bit_length()) if 2**power < most),
        *([most] if most else []),
    ]
    return tuple((rank, float((left[rank] / (whole or 1.0)).clamp_min(0).sqrt())) for rank in ranks)


def _squares(matrix: torch.Tensor) -> torch.Tensor:
    """Return the squares of the singular values, largest first."""
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    squares: torch.Tensor = torch.linalg.eigvalsh(small @ small.T)
    return squares.clamp_min(0).flip(0)
