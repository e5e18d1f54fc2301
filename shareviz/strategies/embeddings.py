"""Sharing and shrinking the token tables: one table for input and output, or a product of two.

Source:
    Press and Wolf (2017), arXiv 1608.05859; Inan et al. (2016), arXiv 1611.01462;
    Lan et al. (2019), arXiv 1909.11942, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from shareviz.errors import PlanError
from shareviz.forms import Factor
from shareviz.options import Option
from shareviz.plan import Plan, tie
from shareviz.roles import Role, roles
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.strategies._base import Strategy, Values, whole
from shareviz.strategies._formed import formed
from shareviz.text import clean, count, shape


def token_tables(snapshot: Snapshot) -> tuple[Tensor, ...]:
    """Return the token tables, in definition order."""
    return _matrices(snapshot, Role.EMBEDDING)


def vocabulary_heads(snapshot: Snapshot) -> tuple[Tensor, ...]:
    """Return the output heads that have the shape of a token table."""
    shapes = {table.shape for table in token_tables(snapshot)}
    return tuple(head for head in _matrices(snapshot, Role.HEAD) if head.shape in shapes)


def token_heads(snapshot: Snapshot) -> frozenset[str]:
    """Return the names of all heads with the shape of a token table, also of those made of pieces."""
    known = roles(snapshot)
    slots: list[Tensor | Derived] = [*snapshot.parameters(), *snapshot.derived]
    shapes = {
        slot.name: slot.shape for slot in slots if len(slot.shape) == 2 and slot.name not in snapshot.pieces
    }
    tables = {size for name, size in shapes.items() if known[name] is Role.EMBEDDING}
    return frozenset(name for name, size in shapes.items() if known[name] is Role.HEAD and size in tables)


def tie_hint(snapshot: Snapshot) -> str:
    """Return the sentence that tables can still be tied and what it saves, or ""."""
    try:
        plan = _tied(snapshot, {"tables": "all"})
    except PlanError:
        return ""
    saved = sum(snapshot.by_name[rewrite.name].numel for rewrite in plan.rewrites)
    return f"Token table and head can still be tied: saves {count(saved)}."


def _tied(snapshot: Snapshot, values: Values) -> Plan:
    tables, heads = token_tables(snapshot), vocabulary_heads(snapshot)
    _refuse_without(snapshot, tables, heads)
    if values["tables"] == "head" and heads:
        # the decoder's table is the last one; it and the head look at the same tokens
        members = [table for table in tables if table.shape == heads[0].shape][-1:] + list(heads)
    else:
        members = [*tables, *heads]
    rewrites = []
    for slots in _alike(members):
        rewrites += [tie(slot.name, slots[0].name) for slot in slots[1:] if slot.region != slots[0].region]
    if not rewrites:
        raise PlanError(
            "Token table and output head are already one tensor.", hint="Choose a strategy for the layers."
        )
    return Plan(tuple(rewrites), _tied_label(values))


def _refuse_without(snapshot: Snapshot, tables: Sequence[Tensor], heads: Sequence[Tensor]) -> None:
    if not tables:
        made = [name for name, role in roles(snapshot).items() if role is Role.EMBEDDING]
        if made:
            raise PlanError("The token table is already made of pieces.", hint="Put ties before forms.")
        raise PlanError("No token table found, so there is nothing to tie.", hint="Share layers instead.")
    if heads or len(_alike(tables)) < len(tables):
        return
    others = _matrices(snapshot, Role.HEAD)
    if not others:
        raise PlanError(
            "No output head found beside the token table, so there is nothing to tie.",
            hint="Choose a model that predicts tokens.",
        )
    raise PlanError(
        f"Token table and output head have different shapes ({shape(tables[0].shape)}, "
        f"{shape(others[0].shape)}).",
        hint="Tie only tables over one vocabulary.",
    )


def _tied_label(values: Values) -> str:
    return "Tied embeddings" if values["tables"] == "all" else "Head tied"


def _factorised(snapshot: Snapshot, values: Values) -> Plan:
    rank = whole(values, "rank")
    tables = token_tables(snapshot)
    if not tables:
        raise PlanError("No token table found, so there is none to factorise.", hint="Share layers instead.")
    largest = max(tables, key=lambda table: table.numel)
    most = _most_rank(largest)
    if rank > most:
        raise PlanError(
            f"{clean(largest.name, 60)} of {shape(largest.shape)} through rank {rank} stores more than "
            "the table itself.",
            hint=f"Choose rank from 1 to {most}." if most else "Leave this table whole.",
        )
    forms = dict.fromkeys((table.name for table in tables if rank <= _most_rank(table)), Factor(rank))
    return Plan(formed(snapshot, forms), _factorised_label(values))


def _most_rank(table: Tensor) -> int:
    """Return the largest rank at which two factors store less than the table: V·E + E·d < V·d."""
    return (table.numel - 1) // max(1, sum(table.shape))


def _factorised_label(values: Values) -> str:
    return f"Factorised {values['rank']}"


def _matrices(snapshot: Snapshot, wanted: Role) -> tuple[Tensor, ...]:
    known = roles(snapshot)
    return tuple(
        slot
        for slot in snapshot.parameters()
        if known[slot.name] is wanted and len(slot.shape) == 2 and slot.name not in snapshot.pieces
    )


def _alike(slots: Sequence[Tensor]) -> list[list[Tensor]]:
    groups: dict[object, list[Tensor]] = {}
    for slot in slots:
        groups.setdefault((slot.shape, slot.dtype), []).append(slot)
    return list(groups.values())


STRATEGIES = (
    Strategy(
        "tied",
        "Tied embeddings",
        "The output head is the token table; with an encoder and a decoder, all three tables are one.",
        (
            Option(
                "tables",
                "Tables",
                "all",
                choices=("all", "head"),
                help="Whether all tables over one vocabulary become one, or the last one and the head.",
            ),
        ),
        _tied,
        _tied_label,
        "Press and Wolf (2017), arXiv 1608.05859; Inan et al. (2016), arXiv 1611.01462",
    ),
    Strategy(
        "factorised",
        "Factorised embeddings",
        "The token table is a product of two narrow ones: low rank, not sharing, often beside it.",
        (Option("rank", "Inner columns", 128, 1, 16_384, help="How many numbers describe a token inside."),),
        _factorised,
        _factorised_label,
        "Lan et al. (2019), arXiv 1909.11942, section 3.1",
        forms=True,
    ),
)
