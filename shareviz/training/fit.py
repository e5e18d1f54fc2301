"""Does a model fit a task? What the task gives and asks for, and a table of layers that answers it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from shareviz.errors import SharevizError
from shareviz.kinds import Shape
from shareviz.layertable import Row, RowError, flow, input_text, parse_rows, row_of, rows_text
from shareviz.models import build, canonical, catalogue, settled
from shareviz.models.layers import flow_of
from shareviz.options import Value, unparse
from shareviz.text import count, plural
from shareviz.training.tasks import Batch, Task
from shareviz.training.tasks._base import IGNORED

MOST = 5_000_000  # parameters: more do not train within minutes on one core
_TRIED = 2  # examples of each set

# the rows that a table for a task begins with, by what comes in
_ROWS = {
    "tokens": "embedding-100-32~positions~block-4-4-x4~norm~head",
    "sequence": "gru-16~head",
    "numbers": "linear-64-relu~linear-64-relu-x3~head",
    "image": "conv2d-16-3-1-relu~pool~conv2d-16-3-1-relu-x3~reduce-max~head",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one example of a task is: what comes in, how many tokens there are, and what must come out.

    `following` says that each place is asked for the token that comes in next, so none may look ahead.
    """

    given: Shape
    tokens: int
    out: tuple[int, ...]
    classes: bool
    following: bool = False

    def __str__(self) -> str:
        """Return it in words: 16 tokens and asks for 3 classes at each of 16 places."""
        *places, last = self.out
        what = plural(last, "class", "classes") if self.classes else plural(last, "number")
        where = f" at each of {plural(places[0], 'place')}" if places else ""
        return f"{self.given} and asks for {what}{where}"


@functools.cache
def asked(name: str) -> Asked | None:
    """Return what a task is, by its name; None where no table of layers could take it."""
    from shareviz.training.tasks import find_task

    task = find_task(name)
    batch = task.draw(0, 0)
    sizes = batch.inputs.shape[1:]
    tokens = batch.inputs.dtype.kind in "iu"
    if not 1 <= len(sizes) <= (1 if tokens else 3):
        return None
    if any(one.inputs.ndim != batch.inputs.ndim for one in _batches(task)):  # an input for each head
        return None
    most = max(int(one.inputs.max()) for one in _batches(task)) + 1 if tokens else 0
    answers = task.solve(batch.inputs[:_TRIED]) if task.loss == "classes" else batch.targets
    out = answers.shape[1:]
    if not out:  # one number and no list: no row of a table gives that
        return None
    shown = tuple(map(int, out))
    classes = task.loss == "classes"
    # a rare token may be missing from these batches; where tokens are also answered, they are as many
    known = max(most, shown[-1]) if tokens and classes and len(shown) > 1 else most
    return Asked(Shape(tuple(map(int, sizes)), tokens), known, shown, classes, _asks_for_next(batch))


def _asks_for_next(batch: Batch) -> bool:
    """Whether every asked answer is the token that stands at the next place of the input."""
    if batch.inputs.dtype.kind not in "iu" or batch.inputs.shape != batch.targets.shape:
        return False
    answers, following = batch.targets[:, :-1], batch.inputs[:, 1:]
    return bool(((answers == following) | (answers == IGNORED)).all() and (answers != IGNORED).any())


def misfit(task: Task, model: str) -> str:
    """Return why a model cannot be trained on a task, in a sentence or two, or "" where it can.

    It is built, and run on a few examples of the task's training and of each set that it is judged on.
    """
    try:
        module = build(model)
        stored = sum(weight.numel() for weight in module.parameters())
        if stored > MOST:
            return f"This model stores {count(stored)} parameters; a run here trains at most {count(MOST)}."
        if not stored:
            return "This model has no weights to train."
        module = build(model, device="cpu")
    except SharevizError as error:
        return str(error)
    for batch in _batches(task):
        why = _refusal(task, module, batch)
        if why:
            return _said(task, model, why)
    return ""


def table_for(task: Task) -> str:
    """Return a small model, layer by layer, that fits a task, or "" where none does."""
    what = asked(task.name)
    if what is None:
        return ""
    rows = parse_rows(_ROWS[what.given.what])
    return next((text for text in _candidates(what, rows) if not misfit(task, text)), "")


def fitted(task: Task, model: str) -> str:
    """Return a table of layers with its ends changed so that it fits a task, or "" where that is not enough.

    The input, the number of tokens and the answers follow the task; between them, places become one
    before the head, or stay many, as the task asks.
    """
    what = asked(task.name)
    name, values = settled(model)
    if what is None or name != "layers":
        return ""
    rows = flow_of(values).rows
    return next((text for text in _candidates(what, rows) if not misfit(task, text)), "")


def _batches(task: Task) -> Iterator[Batch]:
    yield task.draw(0, 0)
    for held in task.sets.values():
        yield held.draw("validation")


def _refusal(task: Task, module: Any, batch: Batch) -> str:
    """Return what stands in the way of a loss on the first examples of a batch."""
    import torch

    from shareviz.training.engine.data import loss_of, tensors

    few = Batch(batch.inputs[:_TRIED], batch.targets[:_TRIED])
    inputs, targets = tensors(few, torch.device("cpu"))
    try:
        with torch.no_grad():
            outputs = module.eval()(inputs)
    except IndexError:
        return "has vectors for fewer tokens or places"
    except (RuntimeError, ValueError, TypeError, AttributeError):
        return "does not take that"
    if not isinstance(outputs, torch.Tensor):
        return "gives no single answer"
    classes = int(task.solve(few.inputs).shape[-1]) if task.loss == "classes" else 0
    try:
        loss_of(outputs, targets, task.loss)
    except (RuntimeError, ValueError, IndexError):
        return f"gives {_shape(outputs.shape[1:])}"
    if outputs.shape[-1] < classes:
        return f"gives {_shape(outputs.shape[1:])}"
    return (
        "sees the very token that it is asked for: let each place see the past only"
        if (_asks_for_next(batch) and _looks_ahead(module, inputs))
        else ""
    )


def _looks_ahead(module: Any, inputs: Any) -> bool:
    """Whether another last token changes what is answered before it."""
    import torch

    other = inputs.clone()
    other[:, -1] = torch.where(other[:, -1] > 0, 0, 1)
    with torch.no_grad():
        return not torch.allclose(module(inputs)[:, :-1], module(other)[:, :-1], atol=1e-6)


def _said(task: Task, model: str, why: str) -> str:
    what = asked(task.name)
    gives = f"{task.title} gives {what}" if what else f"{task.title} takes another kind of model"
    return f"{gives}; this model {why}.{_row_of(model, what)}"


def _row_of(model: str, what: Asked | None) -> str:
    """Return which row of a table does not take what the task gives, as a sentence, or ""."""
    name, values = settled(model)
    if name != "layers" or what is None:
        return ""
    table = flow_of(values)
    if table.given.what != what.given.what or table.given.sizes != what.given.sizes:
        try:
            flow(what.given, table.rows)
        except RowError as error:
            return f" {error.message}"
        return f" It is built for {table.given}."
    return ""


def _shape(sizes: tuple[int, ...]) -> str:
    known = 0 < len(sizes) < 4
    return str(Shape(tuple(sizes))) if known else "something else"


def _candidates(what: Asked, rows: tuple[Row, ...]) -> Iterator[str]:
    """Yield tables with these ends: the rows as they are, with all places as one, and with places kept."""
    ends = [_end(what, row, last=number == len(rows)) for number, row in enumerate(rows, 1)]
    if ends[-1].kind != "head":
        ends.append(row_of(len(ends) + 1, "head", [what.out[-1]]))
    reduced = row_of(len(ends), "reduce", ["last" if what.given.what == "sequence" else "mean"])
    kept = [row for row in ends if row.kind not in ("reduce", "flatten")]
    for tried in (ends, [*kept[:-1], reduced, kept[-1]], kept):
        try:
            flow(what.given, tried)
        except RowError:
            continue
        values = {"input": input_text(what.given), "rows": rows_text(tried)}
        yield canonical(unparse("layers", catalogue()["layers"].options, values))


def _end(what: Asked, row: Row, *, last: bool) -> Row:
    """Return a row with the sizes that the task decides."""
    changed: dict[str, Value] = {"tokens": what.tokens} if row.kind == "embedding" and what.tokens else {}
    if row.kind == "positions":
        changed = {"places": 0}
    if last and row.kind in ("head", "linear"):
        changed = {"size": what.out[-1]}
    if what.following:
        changed = {**changed, "sees": "past"}
    return replace(row, sizes=tuple((name, changed.get(name, value)) for name, value in row.sizes))
