"""Keys and values shared between heads: grouped-query and multi-query attention.

Source:
    Shazeer (2019), arXiv 1911.02150; Ainslie et al. (2023), arXiv 2305.13245, section 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shareviz.errors import PlanError
from shareviz.forms import Form, Rows
from shareviz.options import Option
from shareviz.plan import Plan
from shareviz.sharing import ancestors
from shareviz.snapshot import Derived, Snapshot, Tensor
from shareviz.strategies._base import Strategy, Values, whole
from shareviz.strategies._formed import formed
from shareviz.text import clean, plural

# last components of a projection's path, lower-case
_KEYS = re.compile(r"k|wk|k_proj|key|key_proj|to_k|k_lin|linear_k")
_VALUES = re.compile(r"v|wv|v_proj|value|value_proj|to_v|v_lin|linear_v")
_THIRDS = re.compile(r"c_attn|qkv|qkv_proj|in_proj_weight|in_proj_bias|wqkv")
_INTERLEAVED = re.compile(r"query_key_value")  # GPT-NeoX and BLOOM: q, k, v of head 0, then of head 1


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One tensor that makes keys, values, or queries, keys and values together.

    `axis` is that of the outputs, `layout` is single, thirds or interleaved. `head_dim` is None
    where the model does not say it.
    """

    name: str
    attention: str
    axis: int
    layout: str
    outputs: int
    head_dim: int | None

    @property
    def kv_heads(self) -> int | None:
        """Number of key heads, or None where it cannot be said."""
        width = self.outputs if self.layout == "single" else self.outputs // 3
        if not self.head_dim or width % self.head_dim or (self.layout != "single" and self.outputs % 3):
            return None
        return width // self.head_dim


def key_values(snapshot: Snapshot) -> tuple[KeyValue, ...]:
    """Return the tensors that make keys and values, in definition order."""
    facts = {module.path: dict(module.facts) for module in snapshot.modules if module.facts}
    classes = {module.path: module.cls for module in snapshot.modules}
    return tuple(_found(snapshot, facts, classes))


def _found(
    snapshot: Snapshot, facts: Mapping[str, Mapping[str, int]], classes: Mapping[str, str]
) -> Iterator[KeyValue]:
    queries = _query_widths(snapshot)
    slots: list[Tensor | Derived] = [s for s in snapshot.parameters() if s.name not in snapshot.pieces]
    for slot in [*slots, *snapshot.derived]:
        *path, last = slot.name.lower().split(".")
        if last.startswith("in_proj_"):
            host, place = slot.module, last
        elif last in ("weight", "bias") and path:
            host, place = slot.module.rpartition(".")[0], path[-1]
        else:
            continue
        layout = _layout(place)
        if not layout or not 0 < len(slot.shape) < 3:
            continue
        axis = 1 if len(slot.shape) == 2 and classes.get(slot.module) == "Conv1D" else 0
        outputs = slot.shape[axis]
        width = queries.get(host, outputs) if layout == "single" else outputs // 3
        yield KeyValue(slot.name, host, axis, layout, outputs, _head_dim(facts, host, width))


def _layout(place: str) -> str:
    for pattern, layout in (
        (_KEYS, "single"),
        (_VALUES, "single"),
        (_THIRDS, "thirds"),
        (_INTERLEAVED, "interleaved"),
    ):
        if pattern.fullmatch(place):
            return layout
    return ""


def _query_widths(snapshot: Snapshot) -> Mapping[str, int]:
    """Return the outputs of each attention's query projection: heads × head size, where kv may be fewer."""
    widths = {}
    for slot in snapshot.parameters():
        if re.search(r"(^|\.)(q|wq|q_proj|query|query_proj|to_q|q_lin|linear_q)\.weight$", slot.name.lower()):
            widths[slot.module.rpartition(".")[0]] = slot.shape[0]
    return widths


def _head_dim(facts: Mapping[str, Mapping[str, int]], host: str, width: int) -> int | None:
    """Return the head size that the attention module, or the nearest module above it, states."""
    for path in ancestors(host):
        known = facts.get(path, {})
        if "head_dim" in known:
            return known["head_dim"]
        if "heads" in known and not width % known["heads"]:
            return width // known["heads"]
    return None


def _grouped(snapshot: Snapshot, values: Values) -> Plan:
    wanted = whole(values, "kv_heads")
    found = key_values(snapshot)
    if not found:
        raise PlanError(
            "No key and value projections found, so no heads can share them.",
            hint="Choose a model with attention.",
        )
    forms: dict[str, Form] = {}
    for part in found:
        heads = part.kv_heads
        if heads is None:
            raise PlanError(
                f"{clean(part.name, 80)}: cannot say how many heads it has, so none can share.",
                hint="Open the model as a module or a config; a list of tensors does not state heads.",
            )
        _check_heads(wanted, heads)
        if wanted < heads:
            forms[part.name] = Rows(_table(part, heads, wanted), part.axis)
    return Plan(formed(snapshot, forms), _label(values))


def _check_heads(wanted: int, heads: int) -> None:
    divisors = [number for number in range(1, heads + 1) if heads % number == 0]
    if wanted not in divisors:
        raise PlanError(
            f"kv_heads = {wanted} does not divide {plural(heads, 'key head')}.",
            hint=f"Choose one of {', '.join(map(str, divisors))}.",
        )


def _table(part: KeyValue, heads: int, wanted: int) -> tuple[int, ...]:
    """Return which stored block each block reads; blocks are numbered by first use."""
    group = heads // wanted
    if part.layout == "single":
        return tuple(head // group for head in range(heads))
    if part.layout == "thirds":
        kept = [("q", head) for head in range(heads)]
        kept += [(what, head // group) for what in "kv" for head in range(heads)]
    else:
        kept = [(what, head if what == "q" else head // group) for head in range(heads) for what in "qkv"]
    numbers: dict[tuple[str, int], int] = {}
    return tuple(numbers.setdefault(block, len(numbers)) for block in kept)


def _label(values: Values) -> str:
    return "Multi-query" if values["kv_heads"] == 1 else f"{values['kv_heads']} KV heads"


STRATEGIES = (
    Strategy(
        "gqa",
        "Grouped KV heads",
        "Groups of query heads share one key and one value head (GQA); with one of each, all do "
        "(MQA, multi-query). The smaller cache needs the native model.",
        (Option("kv_heads", "KV heads", 4, 1, 128, help="How many key and value heads are stored."),),
        _grouped,
        _label,
        "Shazeer (2019), arXiv 1911.02150; Ainslie et al. (2023), arXiv 2305.13245, section 2.2",
        forms=True,
    ),
)
