"""What every task over depth offers: shared layers, and the unshared models that are as large."""

from __future__ import annotations

from collections.abc import Mapping

from shareviz.training.tasks._base import Version, share_layers, taking_turns, unshared

_PARTS = {(1, 3): "a third of", (2, 3): "two thirds of", (1, 4): "a quarter of", (2, 4): "half"}
_NUMBERS = {3: "three", 4: "four"}


def versions(model: str, *, layers: int, width: int, wide: int) -> Mapping[str, Version]:
    """Return the versions of a model whose text says `layers` and `width`.

    Args:
        wide: The width at which one layer stores as much as all of them.
    """
    depth = f"layers={layers}"

    def fewer(stored: int, title: str, like: str) -> Version:
        note = f"As many stored parameters as {like}, {_PARTS[stored, layers]} the compute."
        return Version(title, unshared, model.replace(depth, f"layers={stored}"), note)

    wider = model.replace(f"{depth}&width={width}", f"layers=1&width={wide}")
    size = f"As many stored parameters and as much compute as {_NUMBERS[layers]} layers."
    return {
        "none": Version("None", unshared),
        "all": _shared(1, "All layers"),
        "cycle2": _shared(2, "Cycle of 2"),
        "one": fewer(1, "One layer", "all layers shared"),
        "two": fewer(2, "Two layers", "a cycle of 2"),
        "wide": Version("One wide layer", unshared, wider, size),
    }


def _shared(stored: int, title: str) -> Version:
    plan = share_layers(taking_turns(stored), apart="norm", title=title)
    return Version(title, plan, note="Every layer keeps its own norms.")
