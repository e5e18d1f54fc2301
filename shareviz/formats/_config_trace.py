"""One forward pass of a configured model on meta, on the smallest example of its main input."""

from __future__ import annotations

from typing import Any

from shareviz.errors import TraceError
from shareviz.formats._offline import offline, quiet
from shareviz.snapshot import Step

LENGTH = 8  # tokens in the example


def length_of(model: Any) -> int | None:
    """Return how many tokens the example of a model has; None where its input is no tokens."""
    return LENGTH if model.main_input_name == "input_ids" else None


def trace_model(model: Any) -> tuple[Step, ...]:
    """Return the steps of one pass on the model's main input; bfloat16 where float32 fails on meta.

    Raises:
        TraceError: It cannot be followed, or there is no such input.
    """
    import torch

    from shareviz.trace import trace

    with offline(), quiet():
        inputs = _inputs(model)
        try:
            return trace(model, **inputs)
        except TraceError as first:
            try:  # mixtures of experts choose a kernel that float32 lacks
                half = model.to(torch.bfloat16)
                return trace(half, **{name: _half(value) for name, value in inputs.items()})
            except TraceError:
                raise first from None


def _inputs(model: Any) -> dict[str, Any]:
    """Return the main input of a model, batch 1, with as little else as it needs."""
    import torch

    name, config = model.main_input_name, model.config
    words = torch.zeros(1, LENGTH, dtype=torch.long, device="meta")
    shape = _shape(name, config)
    if shape is None:
        raise TraceError(f"The forward pass cannot be traced: there is no example of {name}.")
    main = words if name == "input_ids" else torch.zeros(shape, device="meta")
    return {name: main} | ({"decoder_input_ids": words} if config.is_encoder_decoder else {})


def _shape(name: str, config: Any) -> tuple[int, ...] | None:
    """Return the shape of an example of an input, None where it is not known."""
    if name == "input_ids":
        return (1, LENGTH)
    if name == "pixel_values":
        size = getattr(config, "image_size", None) or 224
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        return (1, getattr(config, "num_channels", 3), height, width)
    if name == "input_features" and hasattr(config, "max_source_positions"):  # Whisper's spectrogram
        return (1, config.num_mel_bins, 2 * config.max_source_positions)
    return (1, 16_000) if name == "input_values" else None  # a second of sound


def _half(value: Any) -> Any:
    import torch

    return value.to(torch.bfloat16) if value.is_floating_point() else value
