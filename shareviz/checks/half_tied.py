"""One side of a tie is computed: pruned, normalised, parametrized or adapted, so the values differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from shareviz.checks._base import Check, Finding, Level, attribute, expression, own_line, tie_line
from shareviz.forms import Form
from shareviz.relations import Relation, between
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.text import clean, listed


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return a problem for each computed weight whose piece is another name's plain weight.

    The forms of a plan read shared pieces on purpose (a low-rank relaxation) and are left out.
    """
    plain = _by_storage(snapshot)
    foreign = [weight for weight in snapshot.derived if not isinstance(weight.form, Form)]
    found = [_computed(weight, snapshot, plain) for weight in foreign]
    return (*(finding for finding in found if finding is not None), *_adapted(snapshot, plain))


CHECK = Check(
    name="half_tied",
    title="Half-tied weights",
    run=run,
    source="torch.nn.utils.parametrize and prune: they replace the attribute of one module only; "
    "transformers #37905, peft #2018",
)

_WORDS = {"pruned": "pruning", "spectral_norm": "spectral norm", "weight_norm": "weight norm"}


def _by_storage(snapshot: Snapshot) -> Mapping[int, list[Tensor]]:
    """Return the slots outside all computed weights, by their storage."""
    found: dict[int, list[Tensor]] = defaultdict(list)
    for slot in snapshot.parameters():
        if slot.region is not None and slot.name not in snapshot.pieces:
            found[slot.region.storage].append(slot)
    return found


def _readers(piece: Tensor, plain: Mapping[int, list[Tensor]]) -> list[Tensor]:
    """Return the plain slots that read elements of a piece."""
    near = plain.get(piece.region.storage, []) if piece.region is not None else []
    return [slot for slot in near if between(slot, piece).shares]


def _computed(weight: Derived, snapshot: Snapshot, plain: Mapping[int, list[Tensor]]) -> Finding | None:
    for name in weight.reads:
        piece = snapshot.by_name.get(name)
        others = _readers(piece, plain) if piece is not None else []
        if piece is not None and others:
            return _finding(weight, piece, others)
    return None


def _finding(weight: Derived, piece: Tensor, others: list[Tensor]) -> Finding:
    form = _WORDS.get(str(weight.form), clean(str(weight.form), 60))
    names = tuple(slot.name for slot in others)
    return Finding(
        Level.PROBLEM,
        f"{clean(weight.name, 60)} is half-tied",
        f"It is computed by {form} from the very weight that {listed(names)} "
        f"{'reads' if len(names) == 1 else 'read'} as it is. "
        "The stored elements are shared, the values used differ.",
        names=(weight.name, *names),
        evidence=f"{clean(piece.name, 80)} and {clean(names[0], 80)}: {between(piece, others[0])}; "
        f"{clean(weight.name, 80)} is made from it at each access.",
        fix=_repair(weight, piece, names[0]),
    )


def _repair(weight: Derived, piece: Tensor, other: str) -> str:
    host, name = expression(weight.module), weight.name[len(weight.module) :].lstrip(".")
    if weight.form == "pruned":
        line = f'prune.remove({host}, "{name}")  # the mask now holds for both'
        return f"from torch.nn.utils import prune\n\n{line}"
    if "parametrizations." not in attribute(piece):
        call = "remove_weight_norm" if weight.form == "weight_norm" else "remove_spectral_norm"
        line = f'from torch.nn.utils import {call}\n\n{call}({host}, "{name}")'
    else:
        kept = len(weight.reads) > 1  # torch can only give back a single original
        line = (
            "from torch.nn.utils import parametrize\n\n"
            f'parametrize.remove_parametrizations({host}, "{name}", leave_parametrized={kept})'
        )
    return f"{line}\n{tie_line(weight.name, other)}  # or parametrize both sides alike"


def _adapted(snapshot: Snapshot, plain: Mapping[int, list[Tensor]]) -> list[Finding]:
    """Find a tied weight under an adapter on one side: merging would write into the other side too."""
    lora = {slot.module.rpartition(".lora_")[0] for slot in snapshot.parameters() if ".lora_" in slot.module}
    found = []
    for slot in snapshot.parameters():
        host, _, last = slot.module.rpartition(".")
        if last != "base_layer" or host not in lora:
            continue
        others = tuple(
            other.name
            for other in _readers(slot, plain)
            if other is not slot and other.module.rpartition(".")[0] not in lora
        )
        if others:
            found.append(
                Finding(
                    Level.NOTE,
                    f"{clean(host, 60)} has an adapter, its tied partner has none",
                    f"{clean(slot.name, 80)} is also {listed(others)}. Merging the adapter changes both, "
                    "or breaks the tie; keep it apart, or adapt both.",
                    names=(slot.name, *others),
                    evidence=f"{clean(slot.name, 80)} and {clean(others[0], 80)}: {Relation.SAME_OBJECT}, "
                    f"with {clean(host, 60)}.lora_… beside one of them.",
                    fix=(
                        "import torch\n\n# before merging: give the adapted side a weight of its own\n"
                        + own_line(slot.name)
                    ),
                )
            )
    return found
