"""Tables: the token table read once more as the output head."""

from __future__ import annotations

from shareviz.lessons import _base as base
from shareviz.options import Option, Value
from shareviz.relations import Relation, relation
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import count, exact

_WIDTH = 512
_NAMES = ("tok_emb.weight", "head.weight")


def _model(vocab: int) -> str:
    return f"language_model?layers=2&width={_WIDTH}&heads=8&vocab={vocab}"


def _scene(value: Value) -> tuple[Snapshot, Snapshot]:
    return base.scene(_model(base.whole(value)), "tied")


def _uses(snapshot: Snapshot) -> tuple[int, ...]:
    return (0, 0) if relation(snapshot, *_NAMES) is Relation.SAME_OBJECT else (0, 1)


def _show(value: Value) -> base.Shown:
    before, after = _scene(value)
    saved = base.stored(before) - base.stored(after)
    work = "and no work" if base.flops(before) == base.flops(after) else "and some work"
    labels = ("token table", "output head")
    return base.Shown(
        title=f"One table for input and output saves {count(saved)} parameters {work}",
        model=_model(base.whole(value)),
        design="tied",
        before=base.Tiles("A head of its own", _uses(before), 2, labels),
        after=base.Tiles("The head is the token table", _uses(after), 2, labels),
        bars=base.usual_bars(before, after),
    )


_CHOICES = ("The parameters", "The work of a pass", "Both")


def _shrinks(value: Value) -> str:
    before, after = _scene(value)
    fewer = base.stored(after) < base.stored(before)
    faster = base.flops(after) < base.flops(before)
    return _CHOICES[2] if fewer and faster else _CHOICES[0 if fewer else 1]


def _why(value: Value) -> str:
    before, after = _scene(value)
    saved, vocab = tally(after).saved_by_ties, base.whole(value)
    return (
        f"{exact(vocab)} × {_WIDTH} = {exact(saved)} parameters are stored once instead of twice. The head "
        f"still multiplies by every row: {count(base.flops(after))} FLOPs a pass, "
        f"{count(base.flops(before))} without."
    )


LESSON = base.Lesson(
    name="tables",
    title="Tables: in and out are one",
    question="What does tying the output head to the token table save?",
    option=Option(
        "vocab", "Vocabulary", 50_000, 1_000, 256_000, step=1_000, help="How many tokens have a vector."
    ),
    show=_show,
    mini=base.Tiles("Token table and output head", (0, 0), 2),
    predict=base.Prediction("What does the tie make smaller?", _CHOICES, _shrinks, _why),
    claims=(
        base.Claim(
            "With 50,000 tokens and width 512, a head of its own wastes 25 million parameters.",
            base.Verdict.WRONG,
            "The arithmetic is right: 50,000 × 512 = 25.6 million, and the same again in gradients and "
            "twice in the states of Adam. The word “wasted” is not. A head of its own is capacity; large "
            "language models choose it, and a tied table is pulled towards the output side early in "
            "training.",
            "Lopardo et al. (2026), arXiv 2603.26663",
        ),
        base.Claim(
            "Tying improves a language model.",
            base.Verdict.DEPENDS,
            "In a large LSTM on Penn Treebank it did, from 78.4 to 74.3 perplexity with 51 instead of 66 "
            "million parameters. In skip-gram word vectors it hurts, for there the two tables play "
            "different roles.",
            "Press and Wolf (2017), arXiv 1608.05859",
        ),
    ),
    breaks=(
        "Large models: the saving becomes a small share, and the early layers suffer.",
        "Tables with different roles, such as in skip-gram.",
        "Three-way ties of an encoder and a decoder whose languages have few tokens in common.",
    ),
    sources=(
        "Press and Wolf (2017), arXiv 1608.05859: using the output embedding",
        "Inan et al. (2016), arXiv 1611.01462: tying word vectors and word classifiers",
        "Lopardo et al. (2026), arXiv 2603.26663",
    ),
    saved="words",
    saved_says=(
        "Two layers on an excerpt of Python's manual, every version at one rate; on the Training page each "
        "can take its own best. A dot is one seed."
    ),
)
