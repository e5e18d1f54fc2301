"""What a page looks at, and what it offers for download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamlit.delta_generator import DeltaGenerator

from shareviz.design import Design
from shareviz.snapshot import Snapshot

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class View:
    """One model under one design.

    `before` is the chosen model, `after` the same under `design`. `live`, where the model can be built,
    returns the module of `after`: `live()` on meta, `live(device="cpu", seed=0)` with values. `selected`
    is the id of the lit set. `head` takes the title, `menu` the downloads.
    """

    ref: str
    title: str
    badge: str
    before: Snapshot
    design: Design
    after: Snapshot
    head: DeltaGenerator
    menu: DeltaGenerator
    live: Callable[..., nn.Module] | None
    selected: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """One line of the Export menu; `make` runs only when it is clicked."""

    label: str
    file_name: str
    mime: str
    make: Callable[[], bytes]
