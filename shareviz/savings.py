"""What a page of savings says of one model: every preset tried on it, and the words for the current one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shareviz.capacity import Capacity, capacity, covered
from shareviz.design import AS_IT_IS, Design, Preset, presets
from shareviz.layers import stacks
from shareviz.ledger import Heading, Line
from shareviz.roles import Role, roles
from shareviz.sharing import distinct, readers, tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import stack_kind
from shareviz.strategies.embeddings import token_heads
from shareviz.text import count, smaller

UNSHARED = "unshared"  # the key of the row that no plan leads to
GROUPS = ("Embeddings", "Attention", "Feed-forward", "Norms and other")
_GROUP = {
    Role.EMBEDDING: 0,
    Role.POSITION: 0,
    Role.ATTENTION: 1,
    Role.FEED_FORWARD: 2,
}


@dataclass(frozen=True, slots=True)
class Tried:
    """A preset tried on a model: the model after it, what that stores of each of `GROUPS`, the estimate.

    `estimate` is None without repeated layers, and for weights of which the fit says nothing.
    """

    preset: Preset
    after: Snapshot
    parts: tuple[int, int, int, int]
    estimate: Capacity | None

    @property
    def stored(self) -> int:
        """All that it stores."""
        return sum(self.parts)


_PLURALS = ("layers", "heads", "embeddings", "Pairs")


def tried(snapshot: Snapshot) -> tuple[Tried, ...]:
    """Return every preset of a model, carried out."""
    return tuple(_tried(snapshot, preset) for preset in presets(snapshot))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every way beside the one on the page. `rows` begins with nothing shared; `now` is one of them.

    `offered` are the presets; `before` is the model with nothing shared.
    """

    rows: tuple[Tried, ...]
    offered: tuple[Tried, ...]
    now: Tried
    before: Snapshot


def comparison(found: Sequence[Tried], before: Snapshot, chosen: Preset, after: Snapshot) -> Comparison:
    """Return the presets with the present design among them: as a preset that leads there, or as its own.

    Args:
        found: What `tried` returned for the model.
        before: The model with nothing shared.
        chosen: The design of the page, under the name to use where no preset equals it.
        after: The model under that design.
    """
    now = next((one for one in found if one.after is after or one.after == after), None)
    rows = list(found)
    if now is None:
        now = measured(chosen, after)
        rows.append(now)
    if rows[0].stored != tally(before).stored:
        # a module that runs again and again: no plan undoes that, so no preset stands for it
        rows.insert(0, measured(Preset(UNSHARED, "Without sharing", Design()), before))
    return Comparison(tuple(rows), tuple(found), now, before)


def title_of(name: str, before: Snapshot, after: Snapshot) -> str:
    """Return the answer as a title: Cycle 3 stores 60.7 M instead of 163.0 M.

    Args:
        name: What the page calls the design.
        before: The model with nothing shared.
        after: The model under the design.
    """
    old, new = tally(before).stored, tally(after).stored
    if new == old:
        return f"Without sharing it stores {count(old)}"
    if name == AS_IT_IS:
        return f"As it is, it stores {count(new)} instead of {count(old)}"
    verb = "store" if name.endswith(_PLURALS) else "stores"
    return f"{name} {verb} {count(new)} {'instead of' if new < old else 'and not'} {count(old)}"


def sentence_of(lines: Sequence[Line]) -> str:
    """Return, as Markdown, what shrinks and what stays: the two halves of the ledger."""
    weights = next(line for line in lines if line.after.key == "weights")
    same = [
        _WORDS[line.after.key]
        for line in lines
        if line.after.heading is Heading.SAME and line.verdict == "same" and line.after.key in _WORDS
    ]
    if weights.verdict == "same":
        return "Choose a strategy to see what it would save, and what it would not."
    gradients = next(line for line in lines if line.after.key == "gradients")
    verdict = smaller(weights.before.value or 0, weights.after.value or 0)
    first = f"**{verdict}** for weights, gradients and optimizer state."
    if gradients.verdict != weights.verdict:  # an adapter: what is stored is not what is trained
        first = f"**{verdict}** for weights, **{gradients.verdict}** for gradients and optimizer state."
    return f"{first} **The same** {_listed(same)}." if same else first


_WORDS = {"flops": "compute", "activations": "activations", "kv_cache": "KV cache"}


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _tried(snapshot: Snapshot, preset: Preset) -> Tried:
    return measured(preset, preset.design.plan(snapshot).apply(snapshot))


def measured(preset: Preset, after: Snapshot) -> Tried:
    """Return a preset with the model after it, what that stores and what it acts like."""
    layered = any(stack_kind(stack) == "layers" for stack in stacks(after))
    return Tried(preset, after, parts_of(after), capacity(after) if layered and covered(after) else None)


def parts_of(snapshot: Snapshot) -> tuple[int, int, int, int]:
    """Return what a model stores of each of `GROUPS`, in elements."""
    group = group_of(snapshot)
    found = [0, 0, 0, 0]
    for slots in readers(snapshot):
        # a head over the vocabulary is a table too, and a tied one is the token table
        found[0 if any(group[slot.name] == 0 for slot in slots) else group[slots[0].name]] += distinct(slots)
    return found[0], found[1], found[2], found[3]


def group_of(snapshot: Snapshot) -> Mapping[str, int]:
    """Return, for each parameter's first name, its place in `GROUPS`."""
    known, heads = roles(snapshot), token_heads(snapshot)
    heads |= {piece for weight in snapshot.derived if weight.name in heads for piece in weight.reads}
    names = [slot.name for slot in snapshot.tensors if slot.counts]
    return {name: 0 if name in heads else _GROUP.get(known[name], 3) for name in names}


def pytorch(design: Design, *, module: str = "model") -> str:
    """Return Python code that carries a design out on a module of that name and calls it `shared`."""
    text = design.text
    return "\n".join(
        [
            "from shareviz import capture, realize, tally",
            "from shareviz.design import Design",
            "",
            f"# {module}: your nn.Module, built as usual; it is not changed",
            f'design = Design.parse("{text}")',
            f"plan = design.plan(capture({module}))",
            f"shared = realize(plan, {module}, seed=0)",
            "",
            "# one update of a shared tensor moves every name that reads it",
            "print(tally(capture(shared)).stored)",
        ]
    )
