"""The code that repeats a run: a script, and one line for the shell."""

from __future__ import annotations

import json
import shlex
from dataclasses import fields, replace

from shareviz.training.protocol import RunSpec
from shareviz.training.results import Result


def command(spec: RunSpec) -> str:
    """Return the line that trains a settled spec again.

    Example:
        >>> command(RunSpec("parity", ("none", "all"), seeds=3, steps=400, lr=0.01, device="cpu"))
        'python -m shareviz train parity --versions none,all --seeds 3 --lr 0.01 --steps 400 --device cpu'
    """
    words = ["python", "-m", "shareviz", "train", spec.task, "--versions", ",".join(spec.versions)]
    words += ["--seeds", str(spec.seeds)]
    words += ["--own-rates"] if spec.own_best else ["--lr", repr(spec.lr)]
    words += ["--steps", str(spec.steps), "--device", spec.device]
    words += ["--model", spec.model] if spec.model else []
    return shlex.join(words)


def script(result: Result) -> str:
    """Return a Python file that trains the same members with the same seeds and says what was found."""
    from shareviz.training.verdict import explained, verdict

    together = tuple(arm.name for arm in result.arms if (arm.together or 1) > 1)
    spec = replace(result.spec, together=together)  # as it was, not as the clock says there
    given = [f"    {field.name}={getattr(spec, field.name)!r}," for field in fields(RunSpec)]
    found = json.dumps(f"{verdict(result)}. {explained(result)}", ensure_ascii=False)
    return "\n".join(
        (
            f"# torch {result.torch}, {result.device}, {result.date}; equal seeds give equal numbers there",
            "from shareviz.training import RunSpec, compare_training",
            "from shareviz.training.verdict import explained, verdict",
            "",
            "SPEC = RunSpec(",
            *given,
            ")",
            f"FOUND = {found}",
            "",
            'if __name__ == "__main__":',
            "    result = compare_training(SPEC)",
            "    for row in result.table():",
            "        print(row.arm.title, row.arm.stored, row.mean, row.sd, row.seeds, row.diverged)",
            '    print("now: ", f"{verdict(result)}. {explained(result)}")',
            '    print("then:", FOUND)',
            "",
        )
    )
