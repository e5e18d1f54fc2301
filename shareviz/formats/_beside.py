"""Weights that cannot say what is tied: the names that the file lacks, stated or inferred.

transformers leaves a tied name out of a safetensors file. The model built from a config.json beside
it has that name on the same elements as one that the file holds; only such names are added. Without
a config, a head may be inferred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from shareviz import text
from shareviz.formats._base import Limits, Request, refuse
from shareviz.formats._file import File, Named, opened
from shareviz.formats._head import inferred_head
from shareviz.snapshot import Evidence, Region, Snapshot, Tensor


def lacking(
    tensors: Sequence[Tensor], companions: Sequence[Named], file: File
) -> tuple[tuple[Tensor, ...], tuple[str, ...]]:
    """Return the slots that weights without storages lack, and the notes that say how we know.

    Raises:
        FormatError: A companion is no config, or is refused as one.
    """
    if companions:
        return stated_beside(tensors, companions, file.limits)
    if any(tensor.evidence is Evidence.STATED for tensor in tensors):
        return (), ()
    head = inferred_head(tensors, file.name)
    if not head:
        return (), ("The file cannot say what is tied: safetensors keeps no storages.",)
    return head, (
        f"The file stores no output head beside its token table, as language models do whose head is "
        f"tied to it: {text.clean(head[0].name, 80)} is inferred, not stated. Add the config.json to know.",
    )


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
            said = f"{file.name} is no config.json, and nothing else can stand beside these weights"
            hint = "Leave it out; shards go together with their index."
            raise refuse("unsupported", f"{said}.", hint)
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
