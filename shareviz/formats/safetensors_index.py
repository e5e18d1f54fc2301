"""The index of a checkpoint in shards, `model.safetensors.index.json`: one model of several files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats import safetensors, torch_legacy, torch_zip
from shareviz.formats._base import Format, Limits, Request, Tells, refuse
from shareviz.formats._beside import lacking, stated_beside
from shareviz.formats._file import File, Named, opened
from shareviz.formats._shards import is_index, name_of, weight_map
from shareviz.formats._slots import kind_note, too_many
from shareviz.snapshot import Evidence, Region, Snapshot, Source, Tensor

_READERS = (safetensors.FORMAT, torch_zip.FORMAT, torch_legacy.FORMAT)
_GIVE = "Give the index together with all of its shards."


def read(file: File, request: Request) -> Snapshot:
    """Return the model whose shards were given beside their index.

    Raises:
        FormatError: missing-companion (a shard), unsafe-path, malformed (a shard lacks a name that
            the index puts there), or what a shard is refused for.
    """
    wanted = weight_map(file)
    shards = set(wanted.values())
    if not shards:
        raise refuse("no-tensors", "The index lists no tensors.", "Open the file that holds the weights.")
    given = {name_of(named): named for named in reversed(request.companions)}
    missing = sorted(shard for shard in shards if name_of(shard) not in given)
    if missing:
        many = text.plural(len(missing), "shard is missing", "shards are missing")
        raise refuse("missing-companion", f"{many}: {text.listed(missing)}.", _GIVE)
    whole = _Whole(wanted, file.limits)
    for shard in sorted(shards):
        whole.add(shard, given[name_of(shard)])
    names = {name_of(shard) for shard in shards}
    rest = [named for name, named in given.items() if name not in names]
    added, ties = (
        lacking(whole.tensors, rest, file)
        if whole.headers
        else stated_beside(whole.tensors, rest, file.limits)
    )
    tensors = (*whole.tensors, *added)
    notes = (*whole.notes(), *ties, *kind_note(tensors))
    return Snapshot(tensors, storages=tuple(whole.nbytes), source=Source("safetensors", file.name, notes))


@dataclass(slots=True)
class _Whole:
    """The tensors of the shards read so far, their storages numbered on."""

    wanted: Mapping[str, str]
    limits: Limits
    tensors: list[Tensor] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    shards: int = 0
    headers: bool = True  # whether all shards are safetensors, which keep no storages
    others: Counter[str] = field(default_factory=Counter)  # names that the index does not list, by shard
    cut: list[str] = field(default_factory=list)

    def add(self, shard: str, named: Named) -> None:
        """Take the tensors that the index puts into a shard, and the names that the shard ties to them."""
        held = _shard(shard, named, self.limits)
        listed = {name for name, home in self.wanted.items() if home == shard}
        lacking = sorted(listed - held.by_name.keys())
        if lacking:
            said = f"The index puts {text.listed(lacking)} into {text.clean(shard, 80)}, which lacks it"
            raise refuse("malformed", f"{said}.", "Check that index and shards are of one checkpoint.")
        numbers: dict[int, int] = {}
        self.shards += 1
        for tensor in held.tensors:
            stated = tensor.evidence is Evidence.STATED and tensor.name not in self.wanted
            if tensor.evidence is Evidence.INFERRED:
                continue  # what one shard lacks, another may hold
            if tensor.name in listed or stated:
                self.tensors.append(replace(tensor, region=self._moved(tensor.region, held, numbers)))
            else:
                self.others[shard] += 1
        if len(self.tensors) > self.limits.tensors:
            raise too_many(self.limits)
        self.headers &= held.source.kind == "safetensors"
        self.cut += [note for note in held.source.notes if "cut off" in note]

    def _moved(self, region: Region | None, held: Snapshot, numbers: dict[int, int]) -> Region | None:
        """Return the region of a shard's tensor in a storage of the whole, new where it is met first."""
        if region is None:
            return None
        if region.storage not in numbers:
            numbers[region.storage] = len(self.nbytes)
            self.nbytes.append(held.storages[region.storage])
        return replace(region, storage=numbers[region.storage])

    def notes(self) -> Iterator[str]:
        """Yield how many shards there are, and what in them the index leaves out."""
        yield f"One model of {text.plural(self.shards, 'shard')}."
        yield from self.cut[:3]
        if self.others:
            many = text.plural(self.others.total(), "tensor is", "tensors are")
            yield f"{many} in a shard and not in the index, and left out."


def _shard(shard: str, named: Named, limits: Limits) -> Snapshot:
    shown = text.clean(shard, 80)
    with opened(named, limits) as file:
        for reader in _READERS:
            if reader.sniff(file):
                try:
                    return reader.read(file, Request())
                except FormatError as error:
                    raise FormatError(
                        f"{shown}: {error.message}", code=error.code, hint=error.hint
                    ) from error
    raise refuse("malformed", f"{shown} is neither safetensors nor a checkpoint of torch.", _GIVE)


FORMAT = Format(
    name="safetensors-index",
    title="sharded checkpoint (.index.json with its shards)",
    tells=Tells(tree="names only", flow="no", ties="as its shards", views="as its shards", values="yes"),
    sniff=is_index,
    read=read,
    source="huggingface_hub, serialization: the index of a sharded state dict",
    suffixes=(".index.json",),
    beside=True,
)
