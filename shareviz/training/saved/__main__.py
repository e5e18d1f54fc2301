"""Train the saved runs anew: `python -m shareviz.training.saved [NAME …]`, such as sort or sort-own."""

from __future__ import annotations

import sys

from shareviz.errors import OptionError
from shareviz.text import clean
from shareviz.training.compare import compare_training
from shareviz.training.results import Event
from shareviz.training.saved import FOLDER, SPECS


def main(names: list[str]) -> int:
    """Train and write what was asked for, by default every saved run; return the exit code."""
    import torch

    torch.set_num_threads(1)  # as the worker does
    for name in names or SPECS:
        if name not in SPECS:
            raise OptionError(
                f"No run is saved for {clean(name, 40)!r}.", hint=f"Those saved are: {', '.join(SPECS)}."
            )
        found = compare_training(SPECS[name], _show)
        (FOLDER / f"{name}.json").write_text(found.to_json() + "\n", encoding="utf-8")
    return 0


def _show(event: Event) -> None:
    if event["event"] == "member_done":
        print(event["version"], event["seed"], event["values"] or "diverged", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
