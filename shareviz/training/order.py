"""What a worker is told first: the run, how many cores it may take, and what is finished already."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from shareviz.errors import OptionError
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Event

_NEEDED = ("start", "way", "member_done")  # of the events so far; curves stay at home


@dataclass(frozen=True, slots=True)
class Order:
    """One line to a worker. `kept` are events of the same run so far."""

    spec: RunSpec
    cores: int = 1
    kept: tuple[Event, ...] = ()

    def to_json(self) -> str:
        """Return one line of JSON, of the kept events only what the worker needs."""
        kept = [dict(event) for event in self.kept if event["event"] in _NEEDED]
        return json.dumps({"spec": asdict(self.spec), "cores": self.cores, "kept": kept}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Return the order that `to_json` wrote, its spec settled.

        Raises:
            OptionError: It is none, or its spec is refused.
        """
        try:
            found: Any = json.loads(text)
            spec, cores, kept = found["spec"], int(found["cores"]), tuple(found["kept"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise OptionError("This is no order for a worker.", hint="Write what Order says.") from error
        return cls(RunSpec.from_dict(spec).settle(), cores, kept)
