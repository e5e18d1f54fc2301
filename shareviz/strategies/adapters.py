"""Adapters: the model stays as it is, and small corrections are trained. They add, and save what is trained.

Source:
    Hu et al. (2021), LoRA, arXiv 2106.09685; Kopiczko et al. (2023), VeRA, arXiv 2310.11454;
    Tied-LoRA, arXiv 2311.09578.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shareviz.errors import PlanError
from shareviz.forms import Form, LowRank, Scaled
from shareviz.options import Option
from shareviz.plan import Plan, Rewrite
from shareviz.rewrites import piece_name
from shareviz.snapshot import Snapshot, Tensor
from shareviz.strategies._base import Strategy, Values, whole
from shareviz.strategies._formed import formed
from shareviz.strategies._groups import inner_matrices

# the last component of a projection's path, lower-case
_QUERY_VALUE = re.compile(r"w?[qv]|[qv]_(proj|lin)|(query|value)(_proj)?|to_[qv]|linear_[qv]")
TARGETS = Option(
    "targets",
    "What is adapted",
    "queries-values",
    choices=("queries-values", "attention", "feed-forward", "all"),
    help="Which matrices get a correction; everything else is frozen.",
)
RANK = Option("rank", "Rank", 8, 1, 4096, help="How many inner columns each correction has.")


def targets(snapshot: Snapshot, values: Values) -> tuple[Tensor, ...]:
    """Return the matrices that get a correction, one for each stored tensor.

    Raises:
        PlanError: The model holds none of this kind.
    """
    part = {"queries-values": "attention", "all": "both"}.get(str(values["targets"]), str(values["targets"]))
    found = inner_matrices(snapshot, {"parts": part})
    if values["targets"] == "queries-values":
        found = tuple(slot for slot in found if _QUERY_VALUE.fullmatch(_place(slot)))
    if not found:
        raise PlanError(
            "No query and value projections of their own found, so these cannot be adapted.",
            hint="Adapt attention, feed-forward or all.",
        )
    return found


def _place(slot: Tensor) -> str:
    return slot.module.rpartition(".")[2].lower()


def _adapted(snapshot: Snapshot, form: Form, found: Sequence[Tensor], plan: tuple[str, ...]) -> Plan:
    """Return the plan that gives the targets a form and freezes all but its pieces that train.

    Args:
        plan: The title, then the pieces that train.
    """
    title, *trained = plan
    rewrites = formed(snapshot, {slot.name: form for slot in found})
    rewritten = {rewrite.name for rewrite in rewrites}
    still = [slot.name for slot in snapshot.parameters() if slot.name not in rewritten]
    for rewrite in rewrites:
        slot = snapshot.by_name[rewrite.name]
        still += [piece_name(slot, piece, form) for piece in form.pieces(slot.shape) if piece not in trained]
    return Plan(rewrites, title, tuple(still))


def _lora(snapshot: Snapshot, values: Values) -> Plan:
    form, found = LowRank(whole(values, "rank")), targets(snapshot, values)
    return _adapted(snapshot, form, found, (_label("LoRA")(values), "up", "down"))


def _shared(
    title: str, trained: tuple[str, ...], alike: Callable[[Tensor], object]
) -> Callable[[Snapshot, Values], Plan]:
    """Return the plan function of corrections whose factors are shared by targets that are alike."""

    def plan(snapshot: Snapshot, values: Values) -> Plan:
        form, found = Scaled(whole(values, "rank")), targets(snapshot, values)
        firsts: dict[object, str] = {}
        owner = {slot.name: firsts.setdefault(alike(slot), slot.name) for slot in found}
        made = _adapted(snapshot, form, found, (_label(title)(values), *trained))
        return replace(made, rewrites=tuple(_reading(rewrite, owner) for rewrite in made.rewrites))

    return plan


def _reading(rewrite: Rewrite, owner: Mapping[str, str]) -> Rewrite:
    first = owner.get(rewrite.name, rewrite.name)
    if rewrite.reads or first == rewrite.name:
        return rewrite
    return replace(rewrite, reads=(("up", first), ("down", first)))


def _label(title: str) -> Callable[[Values], str]:
    def label(values: Values) -> str:
        on = "" if values["targets"] == "queries-values" else f", {values['targets']}"
        return f"{title} {values['rank']}{on}"

    return label


def _strategy(name: str, said: tuple[str, str, str], plan: Callable[[Snapshot, Values], Plan]) -> Strategy:
    title, summary, source = said
    return Strategy(name, title, summary, (RANK, TARGETS), plan, _label(title), source, forms=True)


STRATEGIES = (
    _strategy(
        "lora",
        (
            "LoRA",
            "The model is frozen, and each adapted matrix trains a correction of low rank of its own. It "
            "stores more, trains less, and shares nothing between layers.",
            "Hu et al. (2021), arXiv 2106.09685, section 4",
        ),
        _lora,
    ),
    _strategy(
        "vera",
        (
            "VeRA",
            "The model and one random pair of factors for all matrices of a shape are frozen; each "
            "matrix trains two vectors that scale them.",
            "Kopiczko et al. (2023), arXiv 2310.11454, section 3",
        ),
        _shared("VeRA", ("outer", "inner"), lambda slot: (slot.shape, slot.dtype)),
    ),
    _strategy(
        "tied_lora",
        (
            "Tied LoRA",
            "The model is frozen; all layers train one correction for each projection, and each layer "
            "two vectors that scale it.",
            "Tied-LoRA, arXiv 2311.09578",
        ),
        _shared(
            "Tied LoRA",
            ("up", "down", "outer", "inner"),
            lambda slot: (_place(slot), slot.shape, slot.dtype),
        ),
    ),
)
