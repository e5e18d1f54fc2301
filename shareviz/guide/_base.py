"""What a rule of the guide is: a way to share, whom it fits, what it eases, what speaks for and against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shareviz.snapshot import Snapshot
from shareviz.strategies import stacks_of

BUILDS: Mapping[str, str] = {
    "language-model": "Language model",
    "encoder": "Text encoder",
    "classifier": "Classifier over layers",
    "convolutional": "Convolutional network",
    "recurrent": "Recurrent network",
    "multi-task": "Several tasks at once",
    "two-sided": "Pairs: two sides to compare",
    "fine-tuning": "Fine-tuning a trained model",
}
HURTS: Mapping[str, tuple[str, str]] = {  # what is said, and the row of the ledger that measures it
    "disk": ("Disk or download", "disk"),
    "memory": ("Training memory", "gradients"),
    "optimizer": ("Optimizer state", "optimizer"),
    "kv": ("Inference memory: KV cache", "kv_cache"),
    "traffic": ("Traffic between workers", "all_reduce"),
    "overfitting": ("Overfitting on little data", "weights"),
    "speed": ("Speed", "flops"),
}
CANNOT: Mapping[str, str] = {  # what sharing weights does not ease, and what does instead
    "speed": "Sharing weights runs every layer as before, so FLOPs and latency stay. What helps: fewer or "
    "narrower layers, matrices of low rank, fewer KV heads for decoding.",
    "kv": "Sharing weights shares no cache: every layer that runs keeps its keys and values. What helps: "
    "fewer KV heads, one cache for several layers, a smaller type.",
    "memory": "Weights, gradients and optimizer state shrink; activations stay, and for long inputs they "
    "are the larger part. What helps there: recomputing them, a smaller batch or length.",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What a person builds, what hurts, and whether trained weights exist. Names are those of the tables.

    Raises:
        ValueError: A name that is in neither table.
    """

    builds: str = "language-model"
    hurts: tuple[str, ...] = ("disk",)
    trained: bool = False

    def __post_init__(self) -> None:
        unknown = {self.builds} - set(BUILDS) | set(self.hurts) - set(HURTS)
        if unknown:
            known = f"{', '.join(BUILDS)}; {', '.join(HURTS)}"
            raise ValueError(f"{', '.join(sorted(unknown))} is none of: {known}")

    @property
    def text(self) -> str:
        """The situation in one word, for a link: language-model~disk~trained."""
        return "~".join((self.builds, *self.hurts, *(["trained"] * self.trained)))

    @classmethod
    def parse(cls, text: str) -> Situation | None:
        """Return the situation that a link says, or None where it says none."""
        builds, *rest = text.split("~")
        hurts = tuple(word for word in dict.fromkeys(rest) if word != "trained")
        if builds not in BUILDS or not set(hurts) <= set(HURTS):
            return None
        return cls(builds, hurts, "trained" in rest)


@dataclass(frozen=True, slots=True)
class Rule:
    """One approach. `eases` weighs what hurts from 1 to 3.

    `steps` returns the design for a model, sized for it; "" where only keys and values are shared, by
    `kv_heads` and `kv_layers`. `needs_trained` says that it starts from trained weights, `retrains` that
    trained weights do not carry over without further training. `pro` and `con` are keys of published
    effects; both empty: nothing is known to us.
    """

    name: str
    title: str
    fits: frozenset[str]
    eases: Mapping[str, int]
    steps: Callable[[Snapshot], str]
    saves: str
    keeps: str
    limits: str
    pro: tuple[str, ...] = ()
    con: tuple[str, ...] = ()
    needs_trained: bool = False
    retrains: bool = True
    shares: bool = True
    kv_divisor: int = 1
    kv_layers: int = 1


def rank_for(snapshot: Snapshot, part: int, most: int) -> int:
    """Return a rank for the matrices of the layers: a part of their shortest side, at most `most`."""
    names = (name for stack in stacks_of(snapshot, "layers") for name in stack.slots())
    slots = (snapshot.by_name[name] for name in names if name in snapshot.by_name)
    side = min((min(slot.shape) for slot in slots if len(slot.shape) == 2), default=part)
    return max(1, min(most, side // part))
