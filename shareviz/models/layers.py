"""A model of one's own, layer by layer: the table of `shareviz.layertable`, nothing shared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shareviz.kinds import Call, Shape, kinds
from shareviz.layertable import Flow, Row, flow, input_text, parse_input, parse_rows, rows_text
from shareviz.models import _base as base
from shareviz.options import Option
from shareviz.text import plural

if TYPE_CHECKING:
    import torch
    from torch import nn


def flow_of(values: base.Values) -> Flow:
    """Return the table that the options say, with its shapes.

    Raises:
        RowError: A row that cannot be.
    """
    return flow(parse_input(str(values["input"])), parse_rows(str(values["rows"])))


def calls(table: Flow) -> Iterator[tuple[str, Row, Shape, Call]]:
    """Yield each row's name, the row, the shape that it takes, and the call that builds one layer of it."""
    given = (table.given, *table.shapes)
    for name, row, shape in zip(table.names, table.rows, given, strict=False):
        yield name, row, shape, kinds()[row.kind].makes(shape, row.values)


def _build(values: base.Values) -> nn.Module:
    from torch import nn

    from shareviz.nets.layered import Layers

    parts: dict[str, nn.Module] = {}
    for name, row, _, call in calls(flow_of(values)):
        made = [_made(call) for _ in range(row.repeats)]
        parts[name] = nn.ModuleList(made) if row.repeats > 1 else made[0]
    return Layers(parts)


def _made(call: Call) -> Any:
    """Return what a call builds: a class of torch.nn, or one of `shareviz.nets`."""
    from torch import nn

    from shareviz.nets import blocks, layered

    package, _, name = call.name.rpartition(".")
    rooms = (nn,) if package else (layered, blocks)
    make = next(getattr(room, name) for room in rooms if hasattr(room, name))
    return make(*map(_argument, call.args), **{key: _argument(value) for key, value in call.named})


def _argument(value: Any) -> Any:
    return _made(value) if isinstance(value, Call) else value


def _inputs(values: base.Values) -> tuple[torch.Tensor, ...]:
    import torch

    given = parse_input(str(values["input"]))
    return (torch.zeros(1, *given.sizes, dtype=torch.long if given.tokens else None),)


def _spelled(values: base.Values) -> base.Values:
    table = flow_of(values)
    return {"input": input_text(table.given), "rows": rows_text(table.rows)}


def _title(values: base.Values) -> str:
    return f"Own model, {plural(len(parse_rows(str(values['rows']))), 'row')}"


MODEL = base.Model(
    title="Layer by layer",
    summary="A model of your own: a table of layers that run one after the other.",
    options=(
        Option("input", "Input", "tokens-8", help="What comes in: tokens, numbers, a sequence or an image."),
        Option(
            "rows",
            "Rows",
            "embedding~positions~block-x4~norm~head-100",
            help="The layers in order: kind, sizes, and how often each runs.",
        ),
    ),
    build=_build,
    inputs=_inputs,
    source="Elman (1990), Finding structure in time, figure 2: a network as layers in a row",
    spelled=_spelled,
    titled=_title,
)
