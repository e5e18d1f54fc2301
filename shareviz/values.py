"""The bytes of tensors, read on request: from files that keep them plainly, and from live modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from shareviz.errors import SharevizError
from shareviz.formats import (
    LOCAL,
    Limits,
    gguf,
    onnx,
    safetensors,
    torch_export,
    torch_legacy,
    torch_zip,
    torchscript,
)
from shareviz.formats._archive import Place
from shareviz.formats._base import Request
from shareviz.formats._file import File, Named, opened
from shareviz.formats._shards import gathered, name_of
from shareviz.text import clean, size

if TYPE_CHECKING:
    from torch import nn

Places = Callable[[File, Request], Mapping[str, Place]]

# each reads the header of one format again, and says where the storage of each name stands
_PLACES: tuple[tuple[Callable[[File], bool], Places], ...] = (
    (safetensors.sniff, safetensors.places),
    (torch_zip.sniff, torch_zip.places),
    (torchscript.sniff, torchscript.places),
    (torch_legacy.sniff, torch_legacy.places),
    (torch_export.sniff, torch_export.places),
    (gguf.sniff, gguf.places),
    (onnx.sniff, onnx.places),
)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of one storage: how many there are, and a function of start and length that reads some."""

    nbytes: int
    read: Callable[[int, int], bytes]


class Values:
    """Bytes of storages by the name of a slot; `bytes_read` counts what was read.

    Use it in a `with` block, or close it: a file stays open until then.
    """

    def __init__(self, find: Callable[[str], Span | None], *, most: int | None = None) -> None:
        self._find = find
        self._most = most
        self._spans: dict[str, Span | None] = {}
        self._open = ExitStack()
        self.bytes_read = 0

    @classmethod
    def of(cls, module: nn.Module) -> Values:
        """Return the values of a live module, by the names that `capture` gives; on meta there are none."""
        root = getattr(module, "_orig_mod", module)

        def find(name: str) -> Span | None:
            tensor: Any = root
            for part in name.split("."):
                tensor = getattr(tensor, part)
            return _span_of(tensor)

        return cls(find)

    def nbytes(self, name: str) -> int | None:
        """Return how many bytes of a slot's storage are at hand; None: none of them."""
        span = self._span(name)
        return None if span is None else span.nbytes

    def read(self, name: str, start: int, nbytes: int) -> bytes:
        """Return bytes of a slot's storage.

        Raises:
            SharevizError: limit (more bytes than are read here), no-values, truncated.
        """
        span = self._span(name)
        if span is None:
            raise SharevizError(
                f"The values of {clean(name, 80)} are not at hand.",
                code="no-values",
                hint="Give the whole file.",
            )
        if self._most is not None and self.bytes_read + nbytes > self._most:
            raise SharevizError(
                f"Comparing values takes more than {size(self._most)}, the most that is read here.",
                code="limit",
                hint="Run shareviz on your own machine.",
            )
        data = span.read(start, nbytes)
        if len(data) != nbytes:
            shown = clean(name, 80)
            raise SharevizError(
                f"{shown} ends before its last byte.", code="truncated", hint="Load the file again."
            )
        self.bytes_read += nbytes
        return data

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def __enter__(self) -> Values:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _span(self, name: str) -> Span | None:
        if name not in self._spans:
            self._spans[name] = self._find(name)
        return self._spans[name]


def open_values(
    path: Named, *, companions: Sequence[Named] = (), pick: str | None = None, limits: Limits = LOCAL
) -> Values:
    """Return the values in a file or its shards; only headers are read yet.

    That is a safetensors file, one that torch wrote (`.pt`, `.pt2`, TorchScript), a GGUF, or an ONNX file
    that holds its weights itself.

    Args:
        path: A path, or an `Upload` of bytes with a name.
        companions: Files that belong to it, as `load` takes them.
        pick: The state dict that was opened where a checkpoint holds several.
        limits: How much is read before the file is refused; `hash_bytes` counts for a hosted demo.

    Raises:
        FormatError: The file is refused, as `load` would refuse it.
        SharevizError: no-values (a format without values, or one whose values are not read).
    """
    lead, rest = gathered(path, companions, limits)
    spans: dict[str, Span] = {}
    with ExitStack() as stack:
        for named in (lead, *rest):
            file = stack.enter_context(opened(named, limits))
            places = next((places for sniff, places in _PLACES if sniff(file)), None)
            for name, place in (places(file, Request(pick)) if places else {}).items():
                spans.setdefault(name, _span_in(file, place))
        if not spans:
            raise SharevizError(
                f"{name_of(path)}: values are read in safetensors, GGUF and torch files, and in ONNX files "
                "that hold their weights themselves.",
                code="no-values",
                hint="Save the state dict with safetensors or torch.save, and open that.",
            )
        hosted = limits.file_bytes is not None
        values = Values(spans.get, most=limits.hash_bytes if hosted else None)
        values._open = stack.pop_all()
    return values


def _span_in(file: File, place: Place) -> Span:
    have = max(0, min(place.nbytes, file.size - place.start))  # a file may be cut off
    return Span(have, lambda start, nbytes: file.at(place.start + start, nbytes))


def _span_of(tensor: Any) -> Span | None:
    """Return the storage below a tensor; None where it holds no values, as on meta."""
    import torch
    from torch import nn

    from shareviz.capture import leaf

    held = leaf(tensor)
    plain = type(held) in (torch.Tensor, nn.Parameter) and held.layout == torch.strided
    if not plain or held.device.type == "meta" or held.is_quantized:
        return None
    raw = held.untyped_storage()
    flat = torch.empty(0, dtype=torch.uint8, device=held.device).set_(raw)

    def read(start: int, nbytes: int) -> bytes:
        return bytes(flat[start : start + nbytes].cpu().numpy().tobytes())

    return Span(raw.nbytes(), read)
