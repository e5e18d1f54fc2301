"""`graph`, `snapshot`, `report` and `module`: files to take away."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shareviz.commands._answer import Answer, opened, planned, text_of, written
from shareviz.commands._drawing import drawn, picturable, theme_of
from shareviz.errors import OptionError, SharevizError
from shareviz.snapshot import Snapshot
from shareviz.sources import open_source
from shareviz.text import clean

if TYPE_CHECKING:
    from shareviz.graphs.look import Look
    from shareviz.takeaway import Caption
    from shareviz.training.results import Result


def graph(options: Namespace) -> Answer:
    """Write the module graph, the map, or both, as the page shows them."""
    from shareviz import graphs, takeaway

    look = look_of(options)
    target = picturable(Path(options.output), ".svg, .png or .dot", more=(".dot",))
    seen = opened(options)
    if target.suffix == ".dot":
        return written(target, graphs.graph_dot(seen, look, theme=theme_of(options)).encode())
    wish = takeaway.Wish(
        what=options.picture,
        theme=theme_of(options),
        transparent=options.transparent,
        look=look,
        pattern=options.search or "",
        lit=options.set or "",
    )
    return drawn(target, takeaway.picture_svg(seen, _caption(seen, options), wish), options.scale)


def look_of(options: Namespace) -> Look:
    """Return how the graph is wanted; a mark that says nothing is refused."""
    from shareviz.graphs.look import Look

    look, ignored = Look.parse(options.open or "")
    if ignored:
        raise OptionError(
            f"--open does not know {clean(', '.join(ignored), 60)}.",
            hint="Copy what follows g= in the link of the page, such as s0.0_t0.2.",
        )
    if options.depth is not None and not 0 <= options.depth <= 9:
        raise OptionError("--depth goes from 1 to 9.", hint="Leave it out to see every module.")
    depth = look.depth if options.depth is None else options.depth
    flow, own = look.flow and options.flow, look.own and options.private
    return replace(look, flow=flow, own=own, depth=depth)


def _caption(seen: Snapshot, options: Namespace) -> Caption:
    """Return title and footer of a picture; without a date, so that the same input gives the same bytes."""
    from shareviz import __version__
    from shareviz.headline import explanation, headline
    from shareviz.takeaway import Caption

    design = options.design or (Path(options.plan).name if options.plan else "no plan")
    title = clean(seen.source.title, 60)
    return Caption(
        headline(seen), explanation(seen), f"{title} · {clean(design, 80)} · shareviz {__version__}"
    )


def snapshot(options: Namespace) -> Answer:
    """Write names, shapes and ties as a .shareviz.json, without weights."""
    from shareviz.jsonio import to_json

    return written(Path(options.output), to_json(opened(options)).encode())


def report(options: Namespace) -> Answer:
    """Write one self-contained HTML page."""
    from shareviz.report import Subject, report_html

    before = open_source(options.source, pick=options.pick, run_code=options.run_code)
    plan = Path(options.plan).name if options.plan else ""
    if options.design:
        from shareviz.design import Design

        plan = Design.parse(options.design).title(before)
    subject = Subject(
        planned(before, options),
        before if plan else None,
        clean(plan, 80),
        result=_trained(options.training) if options.training else None,
        link=options.link or "",
    )
    return written(Path(options.output), report_html(subject).encode())


def module(options: Namespace) -> Answer:
    """Write a model built layer by layer as a Python file, its sharing as code."""
    from shareviz.modulecode import INSTEAD, module_code
    from shareviz.sources import CATALOGUE

    source, *_ = options.source
    if not source.startswith(CATALOGUE):
        raise OptionError(f"{clean(source, 80)} is not built layer by layer.", hint=INSTEAD)
    said = options.design or (Path(options.plan).name if options.plan else "")
    text = source.removeprefix(CATALOGUE)
    code = module_code(text, opened(options), design=clean(said, 200))
    return written(Path(options.output), code.encode())


def _trained(path: str) -> Result:
    """Return the result in a file: the JSON lines of `train --json`, or one saved by the page."""
    from shareviz.training.results import Result

    last = (text_of(path).strip().splitlines() or [""])[-1]
    try:
        said = json.loads(last)
        return Result.from_json(json.dumps(said.get("result", said)))
    except (ValueError, TypeError, KeyError, AttributeError, OptionError) as error:
        raise SharevizError(
            f"{clean(path, 80)} is no result of a training.",
            code="not-a-result",
            hint="Give what shareviz train TASK --json printed.",
        ) from error
