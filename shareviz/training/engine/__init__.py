"""Training of members: what a run starts with, and the batches that its groups share.

`shareviz.training.course.run` walks through a run; `group.train_group` trains one group of it.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import torch

from shareviz.training.engine.arms import ready
from shareviz.training.engine.devices import device_of, title
from shareviz.training.engine.group import Streams
from shareviz.training.engine.planning import chunks
from shareviz.training.engine.ways import fastest
from shareviz.training.protocol import RunSpec
from shareviz.training.tasks import find_task


def opening(spec: RunSpec) -> dict[str, Any]:
    """Return the first event of a settled spec: its arms, each tried on one batch, and where it runs.

    `on` is the kind of device that "auto" stands for here, by timing; `member_bytes` is what a member of
    each version needs in training, `bytes` what a process needs at most for those it trains at once.

    Raises:
        OptionError: The spec, its device or its model does not fit.
    """
    device_of(spec.device)
    arms = ready(spec)
    each = {one.arm.name: one.need.of(1) for one in arms}
    device = device_of(fastest(spec, each))
    return {
        "event": "start",
        "task": spec.task,
        "runs": spec.runs,
        "steps": spec.steps,
        "arms": [asdict(one.arm) for one in arms],
        "member_bytes": each,
        "bytes": max(map(len, chunks(spec.seeds))) * max(each.values()),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": title(device),
        "on": device.type,
        "torch": torch.__version__,
    }


def streams_of(spec: RunSpec) -> Streams:
    """Return where the groups of a settled spec share their batches, in one process."""
    return Streams(find_task(spec.task), device_of(spec.device))
