"""From the text of a source to a Snapshot: files, the catalogue, or a function of the user's own.

A source is a file, several files that belong together, `catalogue:NAME?option=value`, or
`python:package.module:factory`, which runs code and is for local use only.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from shareviz.errors import SharevizError
from shareviz.formats import limits_of, load
from shareviz.snapshot import Snapshot
from shareviz.text import clean

if TYPE_CHECKING:
    from torch import nn

    from shareviz.values import Values

CATALOGUE, PYTHON = "catalogue:", "python:"


def open_source(parts: Sequence[str], *, pick: str | None = None, run_code: bool = False) -> Snapshot:
    """Return the model that the words of a command name.

    Args:
        parts: One source, or several files: the first is the model, the others belong to it.
        pick: The state dict to open where a checkpoint holds several.
        run_code: Whether a `.py` file may run; `python:` says so by itself.

    Raises:
        SharevizError: As the reader, the catalogue or the user's function refuses.
    """
    first, *rest = parts
    if first.startswith(CATALOGUE):
        from shareviz.models import snapshot_of

        return snapshot_of(first.removeprefix(CATALOGUE))
    if _runs_code(first):
        return _observed(first, run_code)
    return load(Path(first), companions=tuple(Path(part) for part in rest), pick=pick, limits=limits_of())


def values_of(parts: Sequence[str], *, pick: str | None = None, run_code: bool = False) -> Values:
    """Return the values of the model that the words of a command name; close them after use.

    Raises:
        SharevizError: no-values (a catalogue model, a saved snapshot), or as `open_source` refuses.
    """
    from shareviz.values import Values, open_values

    first, *rest = parts
    if first.startswith(CATALOGUE):
        raise SharevizError(
            f"{clean(first, 80)} is built without values.", code="no-values", hint="Give a file with weights."
        )
    if _runs_code(first):
        return Values.of(live_module(first, run_code=run_code)[0])
    return open_values(Path(first), companions=tuple(map(Path, rest)), pick=pick, limits=limits_of())


def live_module(source: str, *, run_code: bool = False) -> tuple[nn.Module, tuple[Any, ...]]:
    """Return the module, on meta for the catalogue, and example inputs; () where none are known.

    Raises:
        SharevizError: The source is a file, which has no live module, or its code is refused.
    """
    if source.startswith(CATALOGUE):
        from shareviz.models import build, catalogue, settled

        text = source.removeprefix(CATALOGUE)
        name, values = settled(text)
        return build(text), tuple(catalogue()[name].inputs(values))
    made = _made(source, run_code)
    module, *inputs = made if isinstance(made, tuple) else (made,)
    from torch import nn

    if not isinstance(module, nn.Module):
        raise SharevizError(
            f"{clean(source, 80)} returned a {type(module).__name__}, not an nn.Module.",
            code="python",
            hint="Let the factory return a module, or (module, input, …).",
        )
    return module, tuple(inputs)


def _runs_code(source: str) -> bool:
    return source.startswith(PYTHON) or source.endswith(".py") or ".py:" in source


def _observed(source: str, run_code: bool) -> Snapshot:
    from shareviz.capture import capture
    from shareviz.trace import traced

    module, inputs = live_module(source, run_code=run_code)
    seen = traced(module, *inputs) if inputs else capture(module)
    notes = seen.source.notes
    if not inputs:
        notes = (*notes, "not traced: the factory gave no example inputs; return (module, input, …)")
    title = type(module).__name__
    return replace(seen, source=replace(seen.source, kind="python", title=title, notes=notes))


def _made(source: str, run_code: bool) -> Any:
    if os.environ.get("SHAREVIZ_HOSTED") == "1":
        raise SharevizError(
            "A hosted shareviz runs no code.", code="runs-code", hint="Run shareviz on your own machine."
        )
    where, _, name = source.removeprefix(PYTHON).rpartition(":")
    if not where:
        where, name = name, ""
    if where.endswith(".py") and not run_code:
        raise SharevizError(
            f"{clean(where, 80)} is a program; opening it would run it.",
            code="runs-code",
            hint="Add --run-code if you trust it.",
        )
    if not name:
        raise SharevizError(
            f"{clean(source, 80)} names no factory.",
            code="python",
            hint="Write python:package.module:factory.",
        )
    factory = getattr(_imported(where), name, None)
    if not callable(factory):
        raise SharevizError(
            f"{clean(where, 80)} has no function {clean(name, 40)}.",
            code="python",
            hint="Name a function or class that returns the module.",
        )
    try:
        return factory()
    except Exception as error:  # the user's own code may raise anything
        raise SharevizError(
            f"{clean(source, 80)} raised {type(error).__name__}: {clean(str(error), 160)}.",
            code="python",
            hint="Call it in a Python shell to see where.",
        ) from error


def _imported(where: str) -> ModuleType:
    try:
        if not where.endswith(".py"):
            if "" not in sys.path and os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())  # the console script does not look here by itself
            return importlib.import_module(where)
        spec = importlib.util.spec_from_file_location(Path(where).stem, where)
        if spec is None or spec.loader is None:
            raise ImportError("no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(spec.name, module)  # dataclasses of the file look themselves up here
        spec.loader.exec_module(module)
    except Exception as error:  # importing runs the user's own code
        raise SharevizError(
            f"{clean(where, 80)} cannot be imported: {clean(str(error), 160)}.",
            code="python",
            hint="Run the command where the package can be imported.",
        ) from error
    return module
