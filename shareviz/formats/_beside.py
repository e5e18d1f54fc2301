"""A config.json beside weights that cannot say what is tied: the names that the file lacks.

transformers leaves a tied name out of a safetensors file. The model built from the config has
that name on the same elements as one that the file holds; only such names are added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from shareviz import text
from shareviz.formats._base import Limits, Request, refuse
from shareviz.formats._file import Named, opened
from shareviz.snapshot import Evidence, Region, Snapshot, Tensor


def stated_beside(
    tensors: Sequence[Tensor], companions: Sequence[Named], limits: Limits
) -> tuple[tuple[Tensor, ...], tuple[str, ...]]:
    """Return the slots that a config beside the file adds, and the notes that say so.

    Raises:
        FormatError: The companion is no config, or is refused as one.
    """
    added: list[Tensor] = []
    notes: list[str] = []
    for companion in companions:
        name, model = _described(companion, limits)
        found = tuple(_lacking([*tensors, *added], model))
        added += found
        names = [tensor.name for tensor in found]
        says = "states no tie that the file lacks"
        if names:
            count = text.plural(len(names), "tied name")
            says = f"states {count} that the file does not store: {text.listed(names)}"
        notes.append(f"{name} {says}.")
    return tuple(added), tuple(notes)


def _described(companion: Named, limits: Limits) -> tuple[str, Snapshot]:
    from shareviz.formats import config

    with opened(companion, limits) as file:
        if not config.sniff(file):
            said = f"{file.name} is no config.json, and nothing else can stand beside a safetensors file."
            raise refuse("unsupported", said, "Leave it out.")
        return file.name, config.read(file, Request())


def _lacking(tensors: Sequence[Tensor], model: Snapshot) -> Iterator[Tensor]:
    """Yield a slot for each name of the model that shares with a name of the file and is not in it."""
    held = {tensor.name: tensor for tensor in tensors}
    prefix = _prefix(held, model.by_name)
    users: dict[Region, list[Tensor]] = defaultdict(list)
    for slot in model.parameters():
        if slot.region is not None:
            users[slot.region].append(slot)
    for group in users.values():
        kept = next((held[name] for slot in group if (name := slot.name.removeprefix(prefix)) in held), None)
        for slot in group:
            name = slot.name.removeprefix(prefix)
            if kept is not None and name not in held and slot.shape == kept.shape:
                module = name.rpartition(".")[0]
                yield replace(kept, name=name, module=module, evidence=Evidence.STATED)


def _prefix(held: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> str:
    """Return what the file's names lack at their start: a base model is saved without its own name."""
    candidates = {"", *(f"{name.partition('.')[0]}." for name in known if "." in name)}
    return max(sorted(candidates), key=lambda prefix: sum(prefix + name in known for name in held))
