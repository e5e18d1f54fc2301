"""What is asked of a run: the frozen spec, as JSON and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from shareviz.errors import OptionError
from shareviz.text import clean
from shareviz.training.tasks import Task, default_versions, find_task, find_version

SEEDS = range(1, 21)
STEPS = range(1, 5001)
RATES = (1e-7, 1e5)
DEVICES = ("auto", "cpu", "cuda", "mps")
MOST_VERSIONS = 8
TUNING_SEEDS = (1000, 1001)  # never among the seeds that are reported


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What to train. Empty and None stand for the task's own choice; `settle` fills them in.

    `versions` are names in `Task.versions`, or designs such as "cycle?stored=2"; seeds are
    0 … seeds − 1. With `own_best` each version takes the best of the recipe's rates, chosen on
    validation with two other seeds; otherwise all use `lr`. `model` is a catalogue text in place of
    the task's model. `together` names the versions whose members are trained as one program; None: those
    that are faster so, by timing. It changes the last bits of a number, so who repeats a run states it.
    """

    task: str
    versions: tuple[str, ...] = ()
    seeds: int = 5
    lr: float | None = None
    own_best: bool = False
    steps: int | None = None
    device: str = "auto"
    model: str = ""
    together: tuple[str, ...] | None = None

    def settle(self) -> RunSpec:
        """Return the spec with every choice made.

        Raises:
            OptionError: An unknown task, version or device, or a number out of range.
        """
        task = find_task(self.task)
        versions = self.versions or default_versions(task, self.model)
        _check_versions(task, versions, self.model)
        _check_together(self.together or (), versions)
        _within("seeds", self.seeds, (SEEDS[0], SEEDS[-1]))
        steps = task.recipe.steps if self.steps is None else self.steps
        _within("steps", steps, (STEPS[0], STEPS[-1]))
        lr = task.recipe.lr if self.lr is None else self.lr
        _within("lr", lr, RATES)
        if self.device not in DEVICES:
            raise OptionError(
                f"There is no device {clean(self.device, 40)!r}.",
                hint=f"The devices are: {', '.join(DEVICES)}.",
            )
        return replace(self, versions=versions, steps=steps, lr=float(lr), model=self.model or task.model)

    @property
    def runs(self) -> int:
        """Number of trainings, those that choose a rate included."""
        settled = self.settle()
        tuned = len(find_task(self.task).recipe.rates) * len(TUNING_SEEDS) if self.own_best else 0
        return len(settled.versions) * (self.seeds + tuned)

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunSpec:
        """Return the spec that `to_json` wrote; it is checked by `settle`.

        Raises:
            OptionError: No JSON object, an unknown key, or a value of another type.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise OptionError("The run's description is no JSON.", hint="Write one JSON object.") from error
        return cls.from_dict(found)

    @classmethod
    def from_dict(cls, found: object) -> RunSpec:
        """Return the spec of an object that JSON gave.

        Raises:
            OptionError: No object, an unknown key, or a value of another type.
        """
        known = {field.name: _TYPES[str(field.type)] for field in fields(cls)}
        if not isinstance(found, dict) or "task" not in found:
            raise OptionError("The run's description names no task.", hint='Write {"task": "parity"}.')
        for key, value in found.items():
            if key not in known:
                raise OptionError(
                    f"A run has no {clean(str(key), 40)!r}.", hint=f"It has: {', '.join(known)}."
                )
            if not _fits(value, known[key]):
                raise OptionError(
                    f"{key} cannot be {clean(json.dumps(value), 60)}.", hint="See RunSpec for its type."
                )
        lists = {key: tuple(value) for key, value in found.items() if isinstance(value, list)}
        return cls(**{**found, **lists})


_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "tuple[str, ...]": (list, tuple),
    "tuple[str, ...] | None": (list, tuple, type(None)),
    "int": (int,),
    "float | None": (int, float, type(None)),
    "bool": (bool,),
    "int | None": (int, type(None)),
}


def _fits(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, bool) and bool not in kinds:
        return False
    return isinstance(value, kinds) and (
        not isinstance(value, list | tuple) or all(isinstance(item, str) for item in value)
    )


def _check_versions(task: Task, versions: tuple[str, ...], model: str) -> None:
    for text in versions:
        find_version(task, text, model)
    if len(set(versions)) < len(versions) or len(versions) > MOST_VERSIONS:
        raise OptionError(
            f"{len(versions)} versions were named, one of them twice or too many.",
            hint=f"Name each version once, at most {MOST_VERSIONS}.",
        )


def _check_together(together: tuple[str, ...], versions: tuple[str, ...]) -> None:
    if others := set(together) - set(versions):
        raise OptionError(
            f"together names {clean(sorted(others)[0], 40)!r}, which is not trained.",
            hint=f"The versions are: {', '.join(clean(name, 40) for name in versions)}.",
        )


def _within(name: str, value: float, bounds: tuple[float, float]) -> None:
    low, high = bounds
    if not low <= value <= high:
        # a whole number may be too large for a float
        shown = clean(str(value), 40)
        raise OptionError(
            f"{name} = {shown} is out of range.", hint=f"Choose a value from {low:g} to {high:g}."
        )
