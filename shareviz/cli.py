"""The command line: one command for each question, JSON for scripts, one sentence for a refusal."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

from shareviz import commands
from shareviz.commands._training_run import takes_training
from shareviz.errors import FormatError, OptionError, SharevizError

SOURCE = (
    "a file, several files that belong together, catalogue:NAME?option=value, "
    "or python:package.module:factory (runs code)"
)

NEAREST = "in place of a design: this many stored blocks, each of neighbours whose weights are near"

START = "what a stored block starts from: all its layers, the first, or layers at even steps"

SWEEP = "one strategy at each value of its numbers instead, such as cycle or sandwich?middle=3"

ASSUME = (
    "what the ledger assumes, such as 'dtype=bfloat16&batch=4'; 'kv_heads=2&kv_layers=2' shares the KV cache"
)
BUILDS = "language-model, encoder, classifier and so on; what the model is where this is left out"
HURTS = "of disk, memory, optimizer, kv, traffic, overfitting, speed, separated by commas"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a failed check, 2 for a refused input."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(given)
        answer: commands.Answer = options.run(options)
    except SharevizError as error:
        return _refused(error, as_json="--json" in given)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  nothing may be written at exit
        return 0
    if options.json and answer.data is not None:
        print(json.dumps(answer.data, ensure_ascii=False, indent=2))
    elif answer.text:
        print(answer.text)
    return answer.code


def _refused(error: SharevizError, *, as_json: bool) -> int:
    if as_json:
        said: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        if isinstance(error, FormatError) and error.parts:
            said["parts"] = [asdict(part) for part in error.parts]
        print(json.dumps({"error": said}, ensure_ascii=False))
    else:
        print(f"shareviz: {error}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """Refuses as everything else here does: a sentence, exit code 2, JSON under --json."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message[:1].upper()}{message[1:]}.", hint=f"See `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="shareviz", description="See, count and compare shared weights.")
    every = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    inspect = _command(every, "inspect", commands.inspect, "what is shared with what, and the counts")
    _takes_source(inspect)
    savings = _command(every, "savings", commands.savings, "what each sharing strategy would save")
    _takes_source(savings)
    savings.add_argument("--sweep", metavar="STRATEGY", help=SWEEP)
    savings.add_argument("--assume", metavar="TEXT", default="", help=ASSUME)
    guide = _command(every, "guide", commands.guide, "which ways to share fit a situation")
    _takes_source(guide)
    guide.add_argument("--builds", metavar="WHAT", default="", help=BUILDS)
    guide.add_argument("--hurts", metavar="LIST", default="disk", help=HURTS)
    guide.add_argument("--trained", action="store_true", help="trained weights exist")
    graph = _command(every, "graph", commands.graph, "draw the module graph, the map or both: SVG, PNG, DOT")
    _takes_source(graph)
    _writes(graph, "FILE.svg, FILE.png or FILE.dot")
    _looks(graph)
    _draws(graph)
    module = _command(every, "module", commands.module, "a model of your own layers as Python")
    _takes_source(module)
    _writes(module, "FILE.py")
    train = _command(every, "train", commands.train, "run a small training comparison")
    takes_training(train)
    check = _command(every, "check", commands.check, "is the sharing what was meant")
    _takes_source(check)
    check.add_argument("--expect", metavar="LOCK", help="a lock file; exit code 1 if it is broken")
    check.add_argument("--values", action="store_true", help="look for lost ties: equal values, read now")
    check.add_argument("--write-lock", metavar="LOCK", help="write the lock file of this model")
    compare = _command(every, "compare", commands.compare, "what differs between two models")
    compare.add_argument("a", help=SOURCE)
    compare.add_argument("b", help="the other model")
    compare.add_argument("--run-code", action="store_true", help="let a .py source run")
    compare.add_argument("-o", "--output", metavar="FILE", help="a picture of both: FILE.svg or FILE.png")
    _draws(compare)
    report = _command(every, "report", commands.report, "one self-contained HTML page")
    _takes_source(report)
    _writes(report, "FILE.html")
    report.add_argument("--training", metavar="FILE", help="add a result: what train --json printed")
    report.add_argument("--link", metavar="URL", help="the address that opens this view in the app")
    share = _command(every, "share", commands.share, "a checkpoint shared by a design, from its own weights")
    _takes_source(share)
    share.add_argument("--start", default="average", choices=("average", "first", "stepwise"), help=START)
    share.add_argument("--nearest", type=int, metavar="STORED", help=NEAREST)
    share.add_argument("--baked", action="store_true", help="write the names of the original model")
    _writes(share, "FILE.pt")
    snapshot = _command(every, "snapshot", commands.snapshot, "names, shapes and ties, without weights")
    _takes_source(snapshot)
    _writes(snapshot, "FILE.shareviz.json")
    return parser


def _command(
    every: Any, name: str, run: Callable[[argparse.Namespace], commands.Answer], about: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = every.add_parser(name, help=about, description=about)
    command.add_argument("--json", action="store_true", help="print one JSON document")
    command.set_defaults(run=run)
    return command


def _takes_source(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", nargs="+", help=SOURCE)
    command.add_argument("--pick", help="the state dict to open where a checkpoint holds several")
    command.add_argument("--plan", metavar="FILE", help="apply a plan saved as JSON")
    command.add_argument("--design", metavar="TEXT", help="apply strategies, such as 'tied;cycle?stored=3'")
    command.add_argument("--run-code", action="store_true", help="let a .py source run")


def _looks(command: argparse.ArgumentParser) -> None:
    """Let a command say how the graph looks, as the page's controls do."""
    flag = argparse.BooleanOptionalAction
    command.add_argument("--picture", choices=("graph", "map", "both"), default="graph", help="what is drawn")
    command.add_argument(
        "--open", metavar="MARKS", help="boxes to unfold: what follows g= in the page's link"
    )
    command.add_argument("--depth", type=int, metavar="N", help="fold modules more than N names deep")
    command.add_argument("--search", metavar="PATTERN", help="light what has this in its name")
    command.add_argument("--set", metavar="ID", help="light one set, such as S1")
    command.add_argument("--private", action=flag, default=True, help="tensors that nothing else uses")
    command.add_argument("--flow", action=flag, default=True, help="arrows of the traced pass")


def _draws(command: argparse.ArgumentParser) -> None:
    """Let a command say how a picture file looks."""
    command.add_argument("--dark", action="store_true", help="for a dark slide")
    command.add_argument("--transparent", action="store_true", help="nothing behind the picture")
    command.add_argument(
        "--scale", type=float, default=2.0, metavar="N", help="pixels of a PNG per point (2)"
    )


def _writes(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("-o", "--output", required=True, metavar="FILE", help=what)
