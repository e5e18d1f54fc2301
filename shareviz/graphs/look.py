"""What a person wants to see of a graph: which boxes stand open, arrows or none, own tensors or none.

A look is a short text for a link. It names boxes by numbers, never by a name out of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST = 40  # boxes open at once
LONGEST = 600  # characters that are read; a look of 40 boxes takes about 400
LAYERS, GROUPS, TENSORS = "s", "a", "t"
MODULE, ALIKE = "m", "e"
_TOKEN = re.compile(r"a(?:0|[1-9]\d{0,3})|[stme](?:0|[1-9]\d{0,5})\.(?:0|[1-9]\d{0,5})", re.ASCII)
_DEPTH = re.compile(r"d[1-9]", re.ASCII)
_NO_FLOW, _NO_OWN, _OFF = "noflow", "noown", "off"


@dataclass(frozen=True, slots=True)
class Look:
    """How a graph is shown. `flow`: with arrows where the pass was traced; `own`: with unshared tensors;
    `hidden`: not at all; `depth`: how many names deep modules outside of stacks are told apart, 0 for all.

    `opened` holds marks: `s0.2` opens the folded layers of the first stack that begin at its third
    layer, `a0` all its groups where some were left out, `t0.2` one layer into its tensors. Outside of
    stacks `m7.2` opens the module two names deep that holds the eighth weight, `e7.2` the equal ones from
    there on.
    """

    opened: frozenset[str] = frozenset()
    flow: bool = True
    own: bool = True
    hidden: bool = False
    depth: int = 0

    @classmethod
    def parse(cls, text: str) -> tuple[Look, tuple[str, ...]]:
        """Return the look that a text says, and the parts of it that say nothing.

        Example:
            >>> Look.parse("s0.2_noown_x")
            (Look(opened=frozenset({'s0.2'}), flow=True, own=False, hidden=False, depth=0), ('x',))
        """
        parts = [part for part in text[:LONGEST].split("_") if part]
        marks = dict.fromkeys(part for part in parts if _TOKEN.fullmatch(part))
        kept = frozenset(list(marks)[:MOST])
        depths = [part for part in parts if _DEPTH.fullmatch(part)]
        words = (_NO_FLOW, _NO_OWN, _OFF, "on", *depths[-1:])
        ignored = [part for part in parts if part not in kept and part not in words]
        depth = int(depths[-1][1:]) if depths else 0
        look = cls(kept, _NO_FLOW not in parts, _NO_OWN not in parts, _OFF in parts, depth)
        return look, tuple(ignored)

    @property
    def text(self) -> str:
        """Return the look as a text, "" for the usual one; equal looks have equal texts."""
        turns = ((_NO_FLOW, not self.flow), (_NO_OWN, not self.own), (_OFF, self.hidden))
        depth = [f"d{self.depth}"] if self.depth else []
        return "_".join(sorted(self.opened) + depth + [word for word, said in turns if said])

    def turned(self, mark: str) -> Look:
        """Return the look with one box opened, or closed if it was open; `-0` closes all of stack 0."""
        if mark.startswith("-"):
            kept = (one for one in self.opened if _stack(one) != mark[1:])
            return replace(self, opened=frozenset(kept))
        if not _TOKEN.fullmatch(mark) or (mark not in self.opened and len(self.opened) >= MOST):
            return self
        return replace(self, opened=self.opened ^ {mark})

    def only(self, marks: Iterable[str]) -> Look:
        """Return the look with these boxes open and no others."""
        return replace(self, opened=frozenset(one for one in marks if _TOKEN.fullmatch(one)))

    def layers(self, stack: int) -> frozenset[int]:
        """Return the first layers of the groups of a stack that are opened into layers."""
        return self._positions(LAYERS, stack)

    def tensors(self, stack: int) -> frozenset[int]:
        """Return the layers of a stack that are opened into tensors."""
        return self._positions(TENSORS, stack)

    def every(self, stack: int) -> bool:
        """Whether a stack shows all its groups."""
        return f"{GROUPS}{stack}" in self.opened

    def _positions(self, kind: str, stack: int) -> frozenset[int]:
        held = (one.partition(".") for one in self.opened)
        return frozenset(int(layer) for head, _, layer in held if head == f"{kind}{stack}")


USUAL = Look()


def _stack(mark: str) -> str:
    return mark[1:].partition(".")[0]
