"""What a ledger needs to know beyond the model: types, optimizer, batch, workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from shareviz.capacity import PHI
from shareviz.options import Option, parse, settle, unparse

OPTIMIZERS: Mapping[str, tuple[str, float | None]] = {
    "adam": ("Adam", 8),  # two float32 moments
    "adam8bit": ("8-bit Adam", 2),
    "momentum": ("SGD with momentum", 4),
    "sgd": ("SGD", 0),
    "adafactor": ("Adafactor", None),  # a number for each row and column of a matrix
}

_TYPES = ("float32", "bfloat16", "float16", "float8_e4m3fn")

ASSUMPTIONS: tuple[Option, ...] = (
    Option("dtype", "Weights", "float32", choices=_TYPES, help="The type of weights and gradients."),
    Option(
        "optimizer",
        "Optimizer",
        "adam",
        choices=tuple(OPTIMIZERS),
        help="What the optimizer keeps for each parameter.",
    ),
    Option("batch", "Batch", 8, 1, 65_536, help="How many sequences or inputs one step takes."),
    Option("length", "Length", 1024, 1, 1_048_576, help="How many tokens a sequence has."),
    Option("workers", "Workers", 2, 1, 65_536, help="How many devices exchange gradients."),
    Option("kv_dtype", "KV cache", "bfloat16", choices=_TYPES, help="The type of cached keys and values."),
    Option(
        "kv_heads",
        "KV heads",
        0,
        0,
        1024,
        help="Cached key and value heads; 0 as the model has them.",
    ),
    Option("kv_layers", "Layers per cache", 1, 1, 64, help="How many neighbouring layers read one cache."),
    Option("phi", "φ", PHI, 0.0, 1.0, step=0.01, help="How much a repeat counts in the estimate."),
)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a ledger needs to know beyond the model. The fields are those of `ASSUMPTIONS`."""

    dtype: str = "float32"
    optimizer: str = "adam"
    batch: int = 8
    length: int = 1024
    workers: int = 2
    kv_dtype: str = "bfloat16"
    kv_heads: int = 0
    kv_layers: int = 1
    phi: float = PHI

    @classmethod
    def parse(cls, text: str) -> Assumptions:
        """Return the assumptions that a text such as `dtype=bfloat16&batch=4` says.

        Raises:
            OptionError: An unknown name, or a value out of range.
        """
        _, given = parse(f"a?{text}")
        return cls(**settle(ASSUMPTIONS, given))  # type: ignore[arg-type]

    @property
    def shares_kv(self) -> bool:
        """Whether heads or layers share keys and values."""
        return bool(self.kv_heads) or self.kv_layers > 1

    @property
    def without_kv_sharing(self) -> Assumptions:
        """The same, with a cache for every head and layer that the model has."""
        return replace(self, kv_heads=0, kv_layers=1)

    @property
    def text(self) -> str:
        """The text that `parse` reads back; defaults are left out."""
        return unparse("", ASSUMPTIONS, asdict(self)).removeprefix("?")

    def __post_init__(self) -> None:
        settle(ASSUMPTIONS, {spec.name: getattr(self, spec.name) for spec in fields(self)})
