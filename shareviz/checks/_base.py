"""What a check is and what it finds, and how a finding writes a name as Python."""

from __future__ import annotations

import json
import keyword
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from shareviz.copies import Copy
from shareviz.snapshot import Derived, Snapshot, Tensor


class Level(StrEnum):
    """How bad a finding is, worst first. A problem changes numbers or breaks loading; a note may be meant."""

    PROBLEM = "problem"
    NOTE = "note"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has to say.

    `title` is a few words, `what` the sentence below it. `names` are the tensors it is about, raw.
    `evidence` says how we know. `fix` is Python that can be pasted, where `model` is the module;
    empty where nothing is to be done. `saves` counts the elements that the fix would free.
    """

    level: Level
    title: str
    what: str
    names: tuple[str, ...] = ()
    evidence: str = ""
    fix: str = ""
    saves: int | None = None
    check: str = ""  # the check's name; `checks.check` fills it in


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a Snapshot; `run` gives its findings, () where it has nothing to say.

    `of_copies` is there where a Snapshot is not enough: it gives the findings of what `copies` found
    among the values, which are read on request only.
    """

    name: str
    title: str
    run: Callable[[Snapshot], tuple[Finding, ...]]
    source: str
    of_copies: Callable[[Iterable[Copy]], tuple[Finding, ...]] | None = None


def attribute(slot: Tensor | Derived) -> str:
    """Return a slot's name inside its module: weight, or parametrizations.weight.original."""
    return slot.name[len(slot.module) :].lstrip(".")


def expression(path: str, root: str = "model") -> str:
    """Return Python that reaches a dotted path from `root`; odd names are quoted, so none can inject code.

    Example:
        >>> expression("blocks.0.attn"), expression("")
        ('model.blocks[0].attn', 'model')
        >>> expression("a-b.weight")
        'getattr(model, "a-b").weight'
    """
    code = root
    for part in path.split(".") if path else ():
        if part.isascii() and part.isdecimal():
            code += f"[{int(part)}]"
        elif _plain(part):
            code += f".{part}"
        else:
            code = f"getattr({code}, {json.dumps(part)})"
    return code


def assignment(name: str, value: str) -> str:
    """Return Python that puts the value of an expression under a dotted name.

    Example:
        >>> assignment("head.weight", "model.emb.weight")
        'model.head.weight = model.emb.weight'
        >>> assignment("head.w-1", "x")
        'setattr(model.head, "w-1", x)'
    """
    host, _, last = name.rpartition(".")
    if last.isdecimal() or _plain(last):
        return f"{expression(name)} = {value}"
    return f"setattr({expression(host)}, {json.dumps(last)}, {value})"


def tie_line(name: str, owner: str) -> str:
    """Return the assignment that makes one name read another's Parameter again."""
    return assignment(name, expression(owner))


def own_line(name: str) -> str:
    """Return the assignment that gives a name a Parameter of its own with the values it has."""
    return assignment(name, f"torch.nn.Parameter({expression(name)}.detach().clone())")


def _plain(part: str) -> bool:
    return part.isascii() and part.isidentifier() and not keyword.iskeyword(part)
