"""`graph`, `snapshot`, `report` and `module`: files to take away."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from shareviz.commands._answer import Answer, opened, planned, written
from shareviz.errors import OptionError
from shareviz.sources import open_source
from shareviz.text import clean


def graph(options: Namespace) -> Answer:
    """Write the module graph."""
    from shareviz import graphs

    makers = {".svg": lambda seen: graphs.graph_svg(seen, theme="light").encode(), ".png": graphs.graph_png}
    makers[".dot"] = lambda seen: graphs.graph_dot(seen).encode()
    target = Path(options.output)
    if target.suffix not in makers:
        raise OptionError(
            f"{clean(target.name, 80)} is no picture that can be written.",
            hint="End it in .svg, .png or .dot.",
        )
    return written(target, makers[target.suffix](opened(options)))


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
    subject = Subject(planned(before, options), before if plan else None, clean(plan, 80))
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
