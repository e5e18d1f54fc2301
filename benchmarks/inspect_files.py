"""How long does `inspect` take on a large file? The whole process against the libraries' own loading.

`python -m benchmarks.inspect_files` makes sparse files (they take no disk) and prints, for each way in a
process of its own: seconds, the best of three; peak memory; whether torch was imported; the ratio to
`inspect`.
"""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
GIB = 2**30
LARGE = ((1024, 1024),) * 256  # float32: 1 GiB
MANY = ((8,),) * 50_000


@dataclass(frozen=True, slots=True)
class Took:
    """What one process took."""

    seconds: float
    peak: int
    torch: bool


def safetensors(path: Path, shapes: tuple[tuple[int, ...], ...]) -> None:
    """Write a header and a hole behind it."""
    header, at = {}, 0
    for number, shape in enumerate(shapes):
        nbytes = 4 * _numel(shape)
        header[_name(number)] = {"dtype": "F32", "shape": shape, "data_offsets": (at, at + nbytes)}
        at += nbytes
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + at)


def torch_zip(path: Path, shapes: tuple[tuple[int, ...], ...]) -> None:
    """Write a state dict as torch.save does, its storages as holes: only their headers are written."""
    with path.open("wb") as file, zipfile.ZipFile(file, "w") as out:
        out.writestr("archive/data.pkl", _pickle(shapes))
        for number, shape in enumerate(shapes):
            _hole(out, file, f"archive/data/{number}", 4 * _numel(shape))
        out.writestr("archive/version", b"3\n")
        out.writestr("archive/byteorder", b"little")


def _hole(out: zipfile.ZipFile, file: io.BufferedWriter, name: str, nbytes: int) -> None:
    entry = zipfile.ZipInfo(name)
    entry.file_size = entry.compress_size = nbytes
    entry.CRC = _CRC_OF_ZEROS.setdefault(nbytes, zipfile.crc32(bytes(nbytes)))
    entry.header_offset = file.tell()
    file.write(entry.FileHeader())
    file.seek(nbytes, io.SEEK_CUR)
    out.filelist.append(entry)
    out.NameToInfo[name] = entry
    out.start_dir = file.tell()


_CRC_OF_ZEROS: dict[int, int] = {}


def _pickle(shapes: tuple[tuple[int, ...], ...]) -> bytes:
    """Return the state dict's pickle, as protocol 2 spells it."""
    parts = [b"\x80\x02}("]
    for number, shape in enumerate(shapes):
        strides, step = [], 1
        for length in reversed(shape):
            strides.insert(0, step)
            step *= length
        storage = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(str(number)) + _text("cpu")
        parts.append(_text(_name(number)) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage)
        parts.append(_number(_numel(shape)) + b"tQK\x00" + _numbers(shape) + _numbers(strides))
        parts.append(b"\x89ccollections\nOrderedDict\n)RtR")
    return b"".join((*parts, b"u."))


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _numbers(values: object) -> bytes:
    return b"(" + b"".join(map(_number, values)) + b"t"  # type: ignore[call-overload]


def _numel(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _name(number: int) -> str:
    return f"layers.{number // 4}.part{number % 4}.weight"


def took(code: str, path: Path) -> Took:
    """Run code in a fresh interpreter and measure the whole process from outside."""
    tail = "\nimport sys as _s; open(_s.argv[2], 'w').write(str('torch' in _s.modules))"
    with tempfile.NamedTemporaryFile("r") as said:
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", code + tail, str(path), said.name],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{path.name}: a way to read it failed")
        return Took(seconds, usage.ru_maxrss * 1024, said.read() == "True")


INSPECT = "import sys; from shareviz.cli import main; assert not main(['inspect', sys.argv[1], '--json'])"
TORCH = "import sys, torch; torch.load(sys.argv[1], weights_only=True{})"
OPEN = "import sys; from safetensors import safe_open\nwith safe_open(sys.argv[1], 'pt') as f: "
WAYS = {
    "safetensors": {
        "inspect": INSPECT,
        "safe_open, shapes": OPEN + "[f.get_slice(k).get_shape() for k in f.keys()]",
        "load_file": "import sys; from safetensors.torch import load_file; load_file(sys.argv[1])",
    },
    "pt": {
        "inspect": INSPECT,
        "torch.load, mmap": TORCH.format(", mmap=True"),
        "torch.load": TORCH.format(""),
    },
}
FILES: dict[str, tuple[Callable[[Path, tuple[tuple[int, ...], ...]], None], tuple[tuple[int, ...], ...], str]]
FILES = {
    "1 GB safetensors": (safetensors, LARGE, "safetensors"),
    "1 GB .pt": (torch_zip, LARGE, "pt"),
    "50,000 tensors, .pt": (torch_zip, MANY, "pt"),
}


def main() -> None:
    """Print one line for each file and way."""
    with tempfile.TemporaryDirectory(prefix="shareviz-bench-") as folder:
        for title, (make, shapes, kind) in FILES.items():
            path = Path(folder) / f"{title.replace(' ', '-').replace(',', '')}.{kind}"
            make(path, shapes)
            base = 0.0
            for way, code in WAYS[kind].items():
                best = min((took(code, path) for _ in range(3)), key=lambda one: one.seconds)
                base = base or best.seconds
                torch = "torch" if best.torch else "no torch"
                print(
                    f"{title:<20} {way:<18} {best.seconds:>6.2f} s  {best.peak / 2**20:>6.0f} MiB  {torch:<8}"
                    f"  ×{best.seconds / base:.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
