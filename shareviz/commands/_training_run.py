"""What `train` is asked for, where it keeps its events, and who trains."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareviz.errors import OptionError, SharevizError
from shareviz.text import clean

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shareviz.training.course import Crew
    from shareviz.training.folders import RunFolder
    from shareviz.training.protocol import RunSpec
    from shareviz.training.results import Event

# what a run that goes on was told when it began
_SPEC = ("versions", "model", "seeds", "lr", "own_rates", "steps", "device")


def takes_training(train: ArgumentParser) -> None:
    """Add the options of `train`."""
    train.add_argument("task", nargs="?", help="one of the tasks, such as parity or brackets")
    train.add_argument("--versions", help="names of versions or designs to compare, separated by commas")
    train.add_argument(
        "--model", metavar="NAME?option=value", help="a catalogue model in place of the task's own"
    )
    train.add_argument("--seeds", type=int, help="repetitions, paired (default 5)")
    train.add_argument("--lr", type=float, help="learning rate of all versions (default: the task's recipe)")
    train.add_argument("--own-rates", action="store_true", help="choose each version's learning rate first")
    train.add_argument("--steps", type=int, help="updates in each run (default: the task's recipe)")
    train.add_argument("--device", help="auto, cpu, cuda or mps (default auto)")
    train.add_argument("--processes", type=int, metavar="N", help="at a time (default: one for each core)")
    train.add_argument("--ray", metavar="ADDRESS", help="train on a Ray cluster; local begins one here")
    train.add_argument("--out", metavar="FOLDER", help="keep spec, events and result there as they come")
    train.add_argument("--resume", metavar="FOLDER", help="go on with the run that was kept there")
    train.add_argument("--tensorboard", metavar="FOLDER", help="write logs that TensorBoard reads")


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of `train`: what to train, where to keep it, and what is finished already."""

    spec: RunSpec
    folder: RunFolder | None
    kept: tuple[Event, ...] = ()


@contextmanager
def asked(options: Namespace) -> Iterator[Asked]:
    """Give what a command line asks for, with its folder held while it runs.

    Raises:
        OptionError: Options that contradict each other, or a folder that does not fit.
        SharevizError: Another process trains in the folder (code `running`).
    """
    _check(options)
    with ExitStack() as until_then:
        found = _resumed(options) if options.resume else _begun(options)
        if found.folder is not None:
            hold = found.folder.hold()
            if hold is None:
                raise SharevizError(
                    f"Another process trains in {clean(str(found.folder.path), 200)}.",
                    code="running",
                    hint="Wait for it, or stop it there.",
                )
            until_then.enter_context(hold)
            found.folder.mend()
        yield found


def crew_of(options: Namespace) -> AbstractContextManager[Crew | None]:
    """Return who trains: this process alone, one for each core, or a Ray cluster."""
    from shareviz.training.crew import Hands, cores

    if options.ray:
        from shareviz.training.ray_crew import ray_hands

        return ray_hands("" if options.ray == "local" else options.ray, options.processes)
    most = options.processes or cores()
    return Hands(lambda: most) if most > 1 else nullcontext()


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C sets, so that what is finished is kept; a second one ends at once."""
    stop = threading.Event()

    def hear(*_: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _check(options: Namespace) -> None:
    given = [name for name in _SPEC if getattr(options, name) not in (None, False)]
    if options.resume and (given or options.out):
        name = (given or ["out"])[0].replace("_", "-")
        raise OptionError(
            f"A run that goes on keeps what it began with: --{name} cannot be changed.",
            hint="Leave it out, or start a new run.",
        )
    if options.own_rates and options.lr is not None:
        raise OptionError("--lr and --own-rates contradict each other.", hint="Give one of them.")
    if options.processes is not None and options.processes < 1:
        raise OptionError(f"--processes {options.processes} trains nothing.", hint="Give 1 or more.")
    if not (options.task or options.resume):
        raise OptionError("No task was named.", hint="See `shareviz train --help`, or try parity.")


def _begun(options: Namespace) -> Asked:
    from shareviz.training.folders import RunFolder
    from shareviz.training.protocol import RunSpec

    spec = RunSpec(
        options.task,
        versions=tuple(filter(None, (options.versions or "").split(","))),
        seeds=5 if options.seeds is None else options.seeds,
        lr=options.lr,
        own_best=options.own_rates,
        steps=options.steps,
        device=options.device or "auto",
        model=(options.model or "").removeprefix("catalogue:"),
    ).settle()
    return Asked(spec, RunFolder.at(Path(options.out), spec) if options.out else None)


def _resumed(options: Namespace) -> Asked:
    from shareviz.training.folders import RunFolder

    folder = RunFolder.opened(Path(options.resume))
    spec = folder.spec()
    if options.task and options.task != spec.task:
        raise OptionError(
            f"The run there trains {spec.task}, not {clean(options.task, 40)}.", hint="Leave the task out."
        )
    return Asked(spec, folder, tuple(folder.events()))
