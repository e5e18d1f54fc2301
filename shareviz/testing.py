"""For the tests of other projects: assertions about what a live module shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareviz.errors import SharevizError
from shareviz.relations import Relation, relation
from shareviz.snapshot import Snapshot
from shareviz.text import clean, listed

if TYPE_CHECKING:
    from torch import nn


def assert_tied(model: nn.Module, first: str, *others: str) -> None:
    """Raise AssertionError unless all names are one Parameter of the module.

    The message says what they are instead: two Parameters on one storage, a computed weight, a
    transposed view, or nothing in common.

    Example:
        >>> from torch import nn
        >>> layer = nn.Linear(2, 2)
        >>> assert_tied(nn.Sequential(layer, layer), "0.weight", "1.weight")
    """
    from shareviz.capture import capture

    if not others:
        raise TypeError("assert_tied needs at least two names")
    seen = capture(model)
    for name in others:
        wrong = _not_tied(seen, first, name)
        if wrong:
            raise AssertionError(wrong)


def _not_tied(seen: Snapshot, first: str, name: str) -> str:
    """Return what two names are instead of one Parameter, or ""."""
    for asked in (first, name):
        weight = seen.derived_by_name.get(asked)
        if weight is not None:
            form = clean(str(weight.form), 60)
            return f"{clean(asked, 80)} is computed by {form} from {listed(weight.reads)}: a half-tie at best"
    try:
        found = relation(seen, first, name)
    except SharevizError as error:
        return error.message
    if found is Relation.SAME_OBJECT:
        return ""
    both = f"{clean(first, 80)} and {clean(name, 80)}"
    if found is Relation.SAME_VIEW:
        return f"{both} are two Parameters on one storage, so an optimizer steps twice"
    return f"{both} are not tied: {found}"
