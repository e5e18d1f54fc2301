"""Stands in for `shareviz.design` until it is there."""

from __future__ import annotations

from dataclasses import dataclass

from shareviz.errors import OptionError
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Design:
    """No design at all."""

    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Design:
        """Return the empty design."""
        if text:
            raise OptionError("Designs cannot be read yet.")
        return cls()

    def plan(self, snapshot: Snapshot) -> Plan:
        """Return the empty plan."""
        return Plan()

    def title(self, snapshot: Snapshot) -> str:
        """Return nothing."""
        return ""
