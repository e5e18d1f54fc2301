"""Training of members: what a run starts with, and the batches that its groups share.

`shareviz.training.course.run` walks through a run; `group.train_group` trains one group of it.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import torch

from shareviz.training.engine.arms import device_of, prepare
from shareviz.training.engine.group import Streams
from shareviz.training.protocol import RunSpec
from shareviz.training.tasks import find_task


def opening(spec: RunSpec) -> dict[str, Any]:
    """Return the first event of a settled spec: its arms, each tried on one batch, and where it runs.

    Raises:
        OptionError: The spec, its device or its model does not fit.
    """
    device = device_of(spec.device)
    return {
        "event": "start",
        "task": spec.task,
        "runs": spec.runs,
        "steps": spec.steps,
        "arms": [asdict(arm) for arm in prepare(spec)],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "torch": torch.__version__,
    }


def streams_of(spec: RunSpec) -> Streams:
    """Return where the groups of a settled spec share their batches, in one process."""
    return Streams(find_task(spec.task), device_of(spec.device))
