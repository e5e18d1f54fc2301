"""Logs that TensorBoard reads, of a result: one run for each version and seed.

Written by tensorboardX, which is an extra: `pip install shareviz[tensorboard]`.
"""

from __future__ import annotations

import importlib.util
import io
import re
import tempfile
import zipfile
from pathlib import Path

from shareviz.errors import OptionError
from shareviz.text import clean
from shareviz.training.results import Member, Result

LOSS = "loss/training"


def missing() -> str:
    """Return what has to be installed first, or ""."""
    return "" if importlib.util.find_spec("tensorboardX") else "tensorboardX"


def check(folder: Path) -> None:
    """Refuse a folder into which no logs can be written, before anything is trained.

    Raises:
        OptionError: As `write_logs`.
    """
    if missing():
        raise OptionError(
            "Logs for TensorBoard need the package tensorboardX.",
            code="missing",
            hint="Install it: pip install tensorboardX.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        words = f"{clean(str(folder), 200)}: {error.strerror}."
        raise OptionError(words, code="unwritable", hint="Choose another folder.") from error


def write_logs(result: Result, folder: Path) -> int:
    """Write the curve and the values of every finished seed, and return how many runs were written.

    Below the folder stands a run for each version and seed, such as all/seed-0: the training loss at its
    steps, the metric on each set at the last one, and the rate. The counts of the version stand beside it.

    Raises:
        OptionError: tensorboardX is not installed (code `missing`), or nothing can be written there.
    """
    check(folder)
    try:
        for member in result.members:
            _write(result, member, folder / _safe(member.version) / f"seed-{member.seed}")
    except OSError as error:
        raise OptionError(
            f"The logs could not be written: {error.strerror}.",
            code="unwritable",
            hint="Choose another folder.",
        ) from error
    return len(result.members)


def zipped(result: Result) -> bytes:
    """Return the folder of logs as a ZIP file.

    Raises:
        OptionError: As `write_logs`.
    """
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        folder = Path(place)
        write_logs(result, folder)
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, file.relative_to(folder))
    return out.getvalue()


def _write(result: Result, member: Member, folder: Path) -> None:
    from tensorboardX import SummaryWriter

    arm, last = result.arm(member.version), result.spec.settle().steps or 0
    with SummaryWriter(str(folder)) as log:
        for step, loss in member.curve:
            log.add_scalar(LOSS, float("nan") if loss is None else loss, step)
        for name, value in member.values.items():
            log.add_scalar(f"{result.task.metric.title}/{name}", value, last)
        for title, number in (("rate", member.lr), ("stored", arm.stored), ("seconds", member.seconds)):
            log.add_scalar(f"version/{title}", number, last)


def _safe(name: str) -> str:
    """Return a design's text as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("._") or "version"
