"""What a published effect is: who measured what, on which model, and what is shared there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Finds(StrEnum):
    """What a source finds of a way to share."""

    BETTER = "better"
    EQUAL = "about equal"
    WORSE = "worse"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class Effect:
    """One published result in our words.

    `key` names it, `topic` what it is about: two effects of one topic that find different things
    disagree. `model`, `task` and `size` say what it was measured on; `source` names paper and place.
    It belongs to a model of which all of `needs` and none of `without` is true (`shareviz.shared`).
    """

    key: str
    topic: str
    finds: Finds
    model: str
    task: str
    size: str
    text: str
    source: str
    needs: frozenset[str]
    without: frozenset[str] = frozenset()

    @property
    def where(self) -> str:
        """The model, its task and its size, as a line says them."""
        return ", ".join(filter(None, (self.model, self.task, self.size)))


def words(text: str) -> frozenset[str]:
    """Return a set of words that are separated by commas."""
    return frozenset(filter(None, (word.strip() for word in text.split(","))))
