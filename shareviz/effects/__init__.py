"""Published effects of sharing, chosen by what is shared in a model; where sources disagree, both.

Each effect names its source and place; a file here holds one family, `EFFECTS`. What is not here is unknown
to us, and the page says so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from shareviz.effects._base import Effect, Finds
from shareviz.plugins import members
from shareviz.shared import shared_words
from shareviz.snapshot import Snapshot

__all__ = ["NOTHING_KNOWN", "Effect", "Finds", "Topic", "effects", "effects_of"]

NOTHING_KNOWN = "no published effect known to us"


@dataclass(frozen=True, slots=True)
class Topic:
    """What is known of one way to share: effects of one topic."""

    title: str
    effects: tuple[Effect, ...]

    @property
    def disputed(self) -> bool:
        """Whether one source finds it better and another worse, or it depends."""
        return len({effect.finds for effect in self.effects}) > 1


@cache
def effects() -> Mapping[str, Effect]:
    """Return every published effect by its key.

    Raises:
        TypeError: A family holds something else, or two effects have one key.
    """
    return members(sys.modules[__name__], "EFFECTS", Effect, lambda one: one.key)


def effects_of(snapshot: Snapshot) -> tuple[Topic, ...]:
    """Return what was published on sharing as this model does, by topic, the closest topic first.

    The closest needs the most of what is shared here; effects of one topic are together.
    """
    true = shared_words(snapshot)
    topics: dict[str, list[Effect]] = {}
    for effect in effects().values():
        if effect.needs <= true and not effect.without & true:
            topics.setdefault(effect.topic, []).append(effect)
    order = sorted(topics, key=lambda title: -max(len(effect.needs) for effect in topics[title]))
    return tuple(Topic(title, tuple(topics[title])) for title in order)
