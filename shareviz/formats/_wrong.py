"""Files that are no checkpoint, or one that is not opened yet, recognised by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shareviz.errors import FormatError
from shareviz.formats._base import Code, refuse
from shareviz.formats._file import File

_WEIGHTS = "Upload the model's weights or its config.json."
_CONVERT = "Save its state dict with torch.save or safetensors, and open that."
_UNPACK = "Unpack it, and open one checkpoint file."
_TO_SAFETENSORS = "Convert its weights to safetensors, and open that."
_BESIDE = "Open the config.json beside it."


@dataclass(frozen=True, slots=True)
class Wrong:
    """A kind of file that is refused: what it is called, why, and what to do."""

    title: str
    code: Code
    hint: str

    def error(self) -> FormatError:
        """Return the error that names it."""
        how = "which is not opened yet" if self.code == "unsupported" else "not a model file"
        return refuse(self.code, f"This is {self.title}, {how}.", self.hint)


def _other(title: str, hint: str = _WEIGHTS) -> Wrong:
    return Wrong(title, "unknown-format", hint)


def _later(title: str, hint: str = _CONVERT) -> Wrong:
    return Wrong(title, "unsupported", hint)


_STARTS: tuple[tuple[bytes, Wrong], ...] = (
    (b"\xff\xd8\xff", _other("a photo (JPEG)")),
    (b"\x89PNG\r\n", _other("a picture (PNG)")),
    (b"GIF8", _other("a picture (GIF)")),
    (b"%PDF", _other("a PDF document")),
    (b"\x89HDF\r\n", _later("an HDF5 file, as Keras writes it", _TO_SAFETENSORS)),
    (b"\x93NUMPY", _later("a NumPy array (.npy)", _TO_SAFETENSORS)),
    (b"7z\xbc\xaf\x27\x1c", _other("a 7z archive", _UNPACK)),
    (b"Rar!", _other("a RAR archive", _UNPACK)),
    (b"\xfd7zXZ", _other("an xz archive", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", _other("a zstd archive", _UNPACK)),
    (b"BZh", _other("a bzip2 archive", _UNPACK)),
    (b"\xff\xfe", _other("text in UTF-16", "Save it as UTF-8, and open that.")),
    (b"\xfe\xff", _other("text in UTF-16", "Save it as UTF-8, and open that.")),
    (
        b"version https://git-lfs",
        _other("a Git LFS pointer, not the file", "Run `git lfs pull` first."),
    ),
    (b"\x7fELF", _other("a program (ELF)")),
    (b"MZ", _other("a Windows program")),
    (b"SQLite format 3", _other("an SQLite database")),
    (b"RIFF", _other("a sound, picture or film (RIFF)")),
)

_ZIPS: tuple[tuple[Callable[[str], bool], Wrong], ...] = (
    (
        lambda name: name.endswith("/model.json") and "/models/" not in name,
        _later(
            "a TorchScript file from before torch 1.4", "Save the state dict of the module, and open that."
        ),
    ),
    (
        lambda name: name.rpartition("/")[2] == "serialized_exported_program.json",
        _later("a .pt2 file of an older torch.export", "Save the program again with torch 2.8 or newer."),
    ),
    (
        lambda name: name.endswith("/archive_format"),
        _later("a .pt2 file of compiled code", "Save the program with torch.export.save, and open that."),
    ),
    (
        lambda name: name.endswith(".npy"),
        _later("a NumPy archive (.npz)", _TO_SAFETENSORS),
    ),
    (
        lambda name: name.endswith("model.weights.h5"),
        _later("a Keras model", _TO_SAFETENSORS),
    ),
    (lambda name: name == "[Content_Types].xml", _other("an Office document")),
)

_JSONS: tuple[tuple[str, Wrong], ...] = (
    ("nbformat", _other("a Jupyter notebook")),
    ("cells", _other("a Jupyter notebook")),
    ("added_tokens", _other("a tokenizer", _BESIDE)),
    ("image_processor_type", _other("the settings of an image processor", _BESIDE)),
    ("peft_type", _other("the settings of an adapter", "Open the adapter's safetensors file.")),
)

_KEYS = re.compile(r'"(\w+)"\s*:')


def recognise(file: File) -> Wrong | None:
    """Return what a file is that no format opens, or None."""
    head = file.head
    if file.entries:
        return _zip(file.entries)
    for start, wrong in _STARTS:
        if head.startswith(start):
            return wrong
    return _compressed(file) or _pickle(file) or _text(file)


def json_kind(keys: Iterable[str]) -> Wrong | None:
    """Return what a JSON object is by its keys, or None."""
    present = set(keys)
    return next((wrong for key, wrong in _JSONS if key in present), None)


def _zip(entries: Mapping[str, object]) -> Wrong:
    for matches, wrong in _ZIPS:
        if any(map(matches, entries)):
            return wrong
    return _other("a zip archive that holds no checkpoint", _UNPACK)


def _compressed(file: File) -> Wrong | None:
    if file.head.startswith(b"\x1f\x8b"):
        tar = file.name.lower().endswith((".tar.gz", ".tgz"))
        return _other("a packed archive (tar.gz)" if tar else "a gzip archive", _UNPACK)
    if file.head[257:262] == b"ustar":
        return _other("a tar archive", _UNPACK)
    return None


def _pickle(file: File) -> Wrong | None:
    head = file.head
    old = re.match(rb"[c(][\w.]+\n[\w.]+\n|\(dp\d|\(lp\d", head)
    old = old if file.at(file.size - 1, 1) == b"." else None  # a text can start like this, not end
    if old or (head[:1] == b"\x80" and head[1:2] in (b"\1", b"\2", b"\3", b"\4", b"\5")):
        return Wrong("a bare pickle", "pickle-only", _CONVERT)
    return None


def _text(file: File) -> Wrong | None:
    try:
        start = file.head[:-4].decode("utf-8-sig").lstrip() if len(file.head) > 4 else file.head.decode()
    except UnicodeDecodeError:
        return None
    if start.lower().startswith(("<!doctype html", "<html")):
        return _other("a web page, perhaps an error page", "Download the file itself.")
    if file.suffix == ".py":
        hint = "Run shareviz locally with --run-code to open your own module."
        return Wrong("Python code", "runs-code", hint)
    if file.is_json:
        plan = Wrong("a plan, and no model", "unknown-format", "Give it with --plan, beside a model.")
        return plan if '"shareviz.plan"' in start else json_kind(_KEYS.findall(start)) or _other("JSON")
    if start.startswith("["):
        return _other("a JSON list")
    if "\0" in start:
        return None
    return _other("text")
