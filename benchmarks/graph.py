"""How long, how heavy and how tall is the picture of a deep model? shareviz beside torchview with dot.

`python -m benchmarks.graph [layers …]` draws one language model by both, module in and SVG out, and prints
for each the least wall seconds of three, kilobytes, points of height, and the ratio of torchview to
shareviz. Ours once more with its layers unfolded. Where the rival or `dot` is not installed, it says so.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from xml.etree import ElementTree

import torch
from torch import nn

from shareviz.graphs import Look, graph_svg
from shareviz.models import build, inputs_of
from shareviz.trace import traced

TIMES = 3
UNFOLDED = Look.parse("s0.0")[0]


@dataclass(frozen=True, slots=True)
class Picture:
    """What one picture took."""

    seconds: float
    kilobytes: float
    height: float


def ours(module: nn.Module, inputs: tuple[torch.Tensor, ...], look: Look) -> str:
    """Return our picture of a module; the trace is part of the time."""
    return graph_svg(traced(module, *inputs), look, theme="light")


def torchview(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> str:
    """Return torchview's picture, laid out by dot, with nested modules shown as its users do."""
    from torchview import draw_graph

    drawn = draw_graph(module, input_data=inputs, device="meta", expand_nested=True)
    return str(drawn.visual_graph.pipe(format="svg", encoding="utf-8"))


def missing() -> str:
    """Return why torchview cannot be asked, or ""."""
    lacks = []
    if find_spec("torchview") is None:
        lacks.append("torchview (pip install -r requirements-bench.txt)")
    if shutil.which("dot") is None:
        lacks.append("dot of Graphviz (Debian and Ubuntu: apt install graphviz)")
    return f"Not installed: {' and '.join(lacks)}. Ours alone." if lacks else ""


def measure(draw: Callable[[], str]) -> Picture:
    """Return the best of a few runs; wall time, because both layouts are child processes."""
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        svg = draw()
        seconds.append(time.perf_counter() - started)
    height = ElementTree.fromstring(svg).attrib["height"].removesuffix("pt")
    return Picture(min(seconds), len(svg.encode()) / 1000, float(height))


def _line(layers: int, who: str, one: Picture, base: Picture) -> str:
    ratios = (one.seconds / base.seconds, one.kilobytes / base.kilobytes, one.height / base.height)
    said = "".join(f"{'×' + format(ratio, '.1f'):>9}" for ratio in ratios)
    return f"{layers:>6}  {who:<20}{one.seconds:>8.2f}{one.kilobytes:>10.0f}{one.height:>9.0f}{said}"


def main(sizes: list[int]) -> None:
    """Print a table for models of these depths."""
    why_not = missing()
    if why_not:
        print(why_not)
    print(f"{'layers':>6}  {'':<20}{'seconds':>8}{'kB':>10}{'height':>9}{'ratios: s, kB, height':>27}")
    for layers in sizes:
        base: Picture | None = None
        for who, draw in rivals(layers, alone=bool(why_not)):
            one = measure(draw)
            base = base or one
            print(_line(layers, who, one, base), flush=True)


def rivals(layers: int, *, alone: bool) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield who draws and how; the first is what the others are compared with."""
    ref = f"language_model?layers={layers}&width=64&heads=2&vocab=60&context=16"
    module, inputs = build(ref), inputs_of(ref)
    yield "shareviz", partial(ours, module, inputs, Look())
    yield "shareviz, unfolded", partial(ours, module, inputs, UNFOLDED)
    if not alone:
        yield "torchview with dot", partial(torchview, module, inputs)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [12, 48, 96])
