"""The columns of a stack: weight and bias together, grouped by role, with labels of a few letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shareviz.layers import Stack
from shareviz.roles import Role
from shareviz.text import clean

# what each layer reads in a column: values that are equal when it is the same, with the id of its set
Pattern = tuple[tuple[object, str] | None, ...]

MOST = 14  # columns that fit a phone; above that, alike neighbours of a group become one

_ORDER = (
    Role.ATTENTION,
    Role.FEED_FORWARD,
    Role.RECURRENT,
    Role.CONVOLUTION,
    Role.ADAPTER,
    Role.ROUTER,
    Role.EMBEDDING,
    Role.POSITION,
    Role.OTHER,
    Role.HEAD,
    Role.NORM,
)
_TITLES = {
    Role.FEED_FORWARD: ("FFN", "FFN"),
    Role.ATTENTION: ("attention", "attn"),
    Role.RECURRENT: ("recurrent", "rec"),
    Role.CONVOLUTION: ("convolution", "conv"),
    Role.POSITION: ("positions", "pos"),
    Role.NORM: ("norms", "norm"),
    Role.HEAD: ("head", "head"),
    Role.ADAPTER: ("adapters", "adapt"),
    Role.EMBEDDING: ("tables", "table"),
}
CROSS = ("cross", "cross")
_SHORT: tuple[tuple[Role, str, str], ...] = (
    (Role.ATTENTION, r"q|q_proj|query|wq|to_q|q_lin|query_proj|queries", "q"),
    (Role.ATTENTION, r"k|k_proj|key|wk|to_k|k_lin|key_proj|keys", "k"),
    (Role.ATTENTION, r"v|v_proj|value|wv|to_v|v_lin|value_proj|values", "v"),
    (Role.ATTENTION, r"o|o_proj|out_proj|c_proj|dense|wo|to_out|out_lin|proj|out|output", "o"),
    (Role.ATTENTION, r"c_attn|qkv|qkv_proj|query_key_value|wqkv|in_proj\w*", "qkv"),
    (Role.CONVOLUTION, r"conv\w*", "conv"),
    (Role.FEED_FORWARD, r"gate|gate_proj|wi_0|w1g", "gate"),
    (Role.FEED_FORWARD, r"gate_up(_proj)?", "in"),
    (Role.FEED_FORWARD, r"up|up_proj|c_fc|fc1|lin1|linear1|wi|wi_1|w1|dense_h_to_4h|ffn|intermediate", "in"),
    (
        Role.FEED_FORWARD,
        r"down|down_proj|c_proj|fc2|lin2|linear2|wo|w2|dense_4h_to_h|ffn_output|output",
        "out",
    ),
)
_WORDS = re.compile(r"_?(proj|projection|layer|linear|embeddings?|attention|bias|weight)$")
_COMPILED = tuple((role, re.compile(pattern), label) for role, pattern, label in _SHORT)
_SUFFIX = re.compile(r"(?:^|[._])(weight|bias)(?=$|_)")


@dataclass(frozen=True, slots=True)
class Lane:
    """One column of the map: the stack's columns that stand in it, its role and its labels."""

    columns: tuple[str, ...]
    role: Role
    group: str
    label: str
    title: str


def lanes(stack: Stack, known: Mapping[str, Role], patterns: Mapping[str, Pattern]) -> tuple[Lane, ...]:
    """Return the lanes of a stack from left to right.

    Args:
        known: The role of each slot, by name.
        patterns: What each layer reads, by column; only columns with equal sharing stand together.
    """
    found = _paired(stack, known, patterns)
    ordered = sorted(found, key=lambda lane: _ORDER.index(lane.role))
    if len(ordered) > MOST:
        ordered = _folded(ordered, patterns)
    return tuple(_numbered(_titled(ordered)))


def _paired(stack: Stack, known: Mapping[str, Role], patterns: Mapping[str, Pattern]) -> list[Lane]:
    """Put a bias with its weight where both are shared alike."""
    together: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for column in stack.columns:
        together.setdefault((_SUFFIX.sub("", column), shared_alike(patterns[column])), []).append(column)
    lanes_ = []
    taken = set[str]()
    for (base, _), columns in together.items():
        first = next(name for name in stack.column(columns[0]) if name is not None)
        label = _label(known[first], base, columns[0])
        if base in taken:
            label = f"{label} {'b' if 'bias' in columns[0] else '2'}"
        taken.add(base)
        lanes_.append(Lane(tuple(columns), known[first], base, label, clean(base or columns[0], 80)))
    return lanes_


def shared_alike(pattern: Pattern) -> tuple[int, ...]:
    """Return which layers read the same, as the position of the first with each value; −1 is a hole."""
    firsts: dict[object, int] = {}
    return tuple(
        -1 if value is None else firsts.setdefault(value, place) for place, value in enumerate(pattern)
    )


def _label(role: Role, base: str, column: str) -> str:
    if not base:
        return column[:1]
    parts = [part for part in base.split(".") if not part.isdecimal()] or ["t"]
    for last in reversed(parts[-2:]):
        for wanted, pattern, label in _COMPILED:
            if role is wanted and pattern.fullmatch(last.lower()):
                return label
    number = base.rpartition(".")[2]
    if number.isdecimal():
        return f"{clean(parts[-1])[:1]}{number}"
    word = parts[-1]
    while len(shorter := _WORDS.sub("", word)) < len(word) and shorter:
        word = shorter
    word = clean(word, 80).strip("_").partition("_")[0]
    return word if len(word) <= 4 else word[:3]


def _titled(found: Sequence[Lane]) -> list[Lane]:
    """Name the groups by their role; a second attention is cross-attention, or has its own name."""
    own: dict[Role, str] = {}  # the module of the first group of each role
    groups: dict[tuple[Role, str], list[Lane]] = {}
    for lane in found:
        own.setdefault(lane.role, _parent(lane))
        groups.setdefault((lane.role, _parent(lane)), []).append(lane)
    letters = 5 if len(groups) <= 5 else 3.5  # that fit a column of a phone
    out = []
    for (role, parent), members in groups.items():
        long, short = _TITLES.get(role, (role.value, role.value))
        if parent != own[role]:
            long, short = (
                CROSS if re.search("cross|enc", parent, re.I) else (_last(parent), _last(parent)[:5])
            )
        title = long if len(long) <= letters * len(members) else short
        out += [replace(lane, group=title) for lane in members]
    return out


def _parent(lane: Lane) -> str:
    """Return the attention module that a projection belongs to: self- and cross-attention differ."""
    if lane.role is not Role.ATTENTION:
        return ""
    parts = lane.title.split(".")
    for place, part in enumerate(parts):
        if re.search(r"attn|attention|cross", part, re.I):
            return ".".join(parts[: place + 1])
    return ".".join(parts[:-1])


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _numbered(found: Iterable[Lane]) -> list[Lane]:
    """Call norms n1, n2, … and give lanes of one group different labels."""
    out: list[Lane] = []
    norms = 0
    used: dict[str, int] = {}
    for lane in found:
        label = lane.label
        if lane.role is Role.NORM and not label.startswith("×"):
            norms += 1
            label = f"n{norms}"
        times = used[f"{lane.group} {label}"] = used.get(f"{lane.group} {label}", 0) + 1
        counted = label.startswith("×")  # ×2 beside ×2 must not become ×22
        out.append(replace(lane, label=label if times == 1 or counted else f"{label}{times}"))
    return out


def _folded(found: Sequence[Lane], patterns: Mapping[str, Pattern]) -> list[Lane]:
    """Put lanes of one role with equal sharing together, and say how many they are."""
    together: dict[object, list[Lane]] = {}
    for lane in found:
        pattern = patterns[lane.columns[0]]
        ids = tuple(cell[1] for cell in pattern if cell is not None)
        key = (lane.role, _parent(lane), shared_alike(pattern), ids)
        together.setdefault(key, []).append(lane)
    out = []
    for members in together.values():
        first = members[0]
        if len(members) == 1:
            out.append(first)
            continue
        columns = tuple(column for lane in members for column in lane.columns)
        titles = f"{first.title} to {members[-1].title}"
        out.append(Lane(columns, first.role, first.group, f"×{len(members)}", titles))
    return out
