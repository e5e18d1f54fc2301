"""A transformers model built on meta from a checked config; torch is imported here, lazily.

Nothing is downloaded and no code of the config's author runs: the classes are those that the
installed transformers brings.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Limits, refuse
from shareviz.formats._offline import offline, quiet
from shareviz.snapshot import Snapshot

_HINT = "Correct the config, or upload the weights."
_FIELD = re.compile(r"[Vv]alidation error for field '(\w+)'")
_WRAPPED = re.compile(
    r"^(?:(?:Class v|V)alidation error for (?:validator|field) '\w+': )?(?:\w+Error: )?(?:Field '\w+' )?"
    r"|(?<=\w) \(value: .*\)$"  # what stands in the file is known to whoever opens it
)
_END = re.compile(r"(?<=[.!?]) (?=[A-Z`])")
_MISSING = re.compile(r"requires the (\S+) library")
_MOST_SAID, _QUOTES = 100, "'\""
# names of fields that older files use and that the classes still take
_OLDER = frozenset(
    {
        *("rope_scaling", "rope_theta", "rope_local_base_freq", "local_rope_theta", "global_rope_theta"),
        *("partial_rotary_factor", "rotary_pct", "rotary_emb_base", "rotary_dim", "sliding_window_pattern"),
        *("sliding_window", "sliding_window_size", "first_k_dense_replace", "moe_layer_freq", "num_experts"),
        *("num_channels", "head_dim", "global_head_dim", "num_global_key_value_heads", "pooler_hidden_size"),
        *("full_attention_interval", "global_attn_every_n_layers", "no_rope_layer_interval"),
        *(
            "hybrid_override_pattern",
            "linear_attn_config",
            "sparse_attention_config",
            "dense_intermediate_size",
        ),
        *("dense_intermediate_size", "text_config_dict", "vision_config_dict", "image_config_dict"),
        *("out_features", "out_indices", "output_stride", "num_labels", "n_embed", "tie_embedding"),
        *("tie_word_embeddings", "tie_encoder_decoder", "is_decoder", "add_cross_attention", "use_bias"),
    }
)
_LOADS = re.compile(r"implementation|quanti|kernel|backend")
_DTYPES = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True, slots=True)
class Built:
    """A model on meta, and what was done to the config on the way, as notes."""

    model: Any
    notes: tuple[str, ...]


def build(config: Mapping[str, Any], limits: Limits) -> Built:
    """Return the model that a checked config describes.

    Raises:
        FormatError: config (an unknown type or class, a field of the wrong type, no such
            combination), limit (too many modules or parameters), timeout.
    """
    with offline(), quiet():
        made, notes = _config(config)
        kind, note = _class(made, config.get("architectures"))
        return Built(_instance(kind, made, limits), (*notes, *note))


def _config(config: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """Return the config object, with only the keys that its class knows."""
    from transformers import CONFIG_MAPPING

    kind = config["model_type"]
    if kind not in CONFIG_MAPPING:
        raise refuse("config", f"The model_type {text.clean(kind, 80)} is not known to transformers.", _HINT)
    dropped: list[str] = []
    known = _known(config, CONFIG_MAPPING[kind], dropped)
    made = _refusing(lambda: CONFIG_MAPPING[kind](**known))
    return made, tuple(_dropped_notes(dropped))


def _dropped_notes(dropped: list[str]) -> Iterator[str]:
    """Yield what was left out: first what would load a kernel or quantizer, then the harmless rest."""
    loading = [key for key in dropped if _LOADS.search(key)]
    if loading:
        yield f"Left out, because it may load code: {text.listed(loading)}."
    rest = [key for key in dropped if key not in loading]
    if rest:
        yield f"Left out, because the model has no such field: {text.listed(rest)}."


def _known(config: Mapping[str, Any], cls: Any, dropped: list[str]) -> dict[str, Any]:
    """Return the members that a config class has a field for; the others are listed in `dropped`."""
    fields = set(cls.__dataclass_fields__) | set(cls.attribute_map) | _OLDER
    kept: dict[str, Any] = {}
    for key, value in config.items():
        if key in ("model_type", "architectures", "transformers_version"):
            continue
        if key in ("dtype", "torch_dtype"):
            if value in _DTYPES:
                kept["dtype"] = value
        elif key not in fields or key.startswith("_"):
            dropped.append(key)
        elif key in cls.sub_configs_defaults and isinstance(value, dict):
            kept[key] = _known_part(value, cls.sub_configs_defaults[key], dropped)
        else:
            kept[key] = value
    if "use_pretrained_backbone" in kept:
        kept["use_pretrained_backbone"] = False  # it would be downloaded
    return kept


def _known_part(value: dict[str, Any], spec: Any, dropped: list[str]) -> dict[str, Any]:
    from transformers import CONFIG_MAPPING, PreTrainedConfig

    kind = value.get("model_type", spec.model_type)
    cls = spec.config_class
    if not issubclass(cls, PreTrainedConfig):
        if kind not in CONFIG_MAPPING:
            said = f"The model_type {text.clean(str(kind), 80)} of a part is not known to transformers."
            raise refuse("config", said, _HINT)
        cls = CONFIG_MAPPING[kind]
    kept = _known(value, cls, dropped)
    return kept | ({"model_type": kind} if kind else {})


def _class(made: Any, architectures: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the class named by `architectures`, else the base model, and a note that says so."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    name = str(architectures[0]) if architectures else None
    found: Any = getattr(transformers, name, None) if name and name.isidentifier() else None
    is_model = isinstance(found, type) and issubclass(found, transformers.PreTrainedModel)
    if is_model and isinstance(made, found.config_class or ()):
        return found, ()
    if type(made) not in MODEL_MAPPING:
        raise refuse("config", f"The type {made.model_type} has no model of its own.", _HINT)
    base: Any = MODEL_MAPPING[type(made)]
    base = base[0] if isinstance(base, (tuple, list)) else base
    why = f"{text.clean(name, 80)} is no class of transformers for this type" if name else "No class is named"
    return base, (f"{why}: this is the base model, {base.__name__}.",)


def _instance(cls: Any, made: Any, limits: Limits) -> Any:
    import torch

    def construct() -> Any:
        with torch.device("meta"), torch.no_grad(), _bounded(limits):
            return cls._from_config(made)

    return _refusing(construct)


@contextmanager
def _bounded(limits: Limits) -> Iterator[None]:
    """Stop a build that takes too many tensors, parameters or seconds, while it runs."""
    from torch.nn.modules import module as registry

    thread, end = threading.get_ident(), time.monotonic() + limits.wall_seconds
    most = {"tensors": limits.tensors, "parameters": limits.parameters}
    left = dict(most)

    def spend(_parent: Any, _name: str, parameter: Any) -> None:
        if threading.get_ident() != thread or parameter is None:
            return  # the hook is torch's, and sees every thread
        left["tensors"] -= 1
        left["parameters"] -= int(parameter.numel())
        for what, rest in left.items():
            if rest < 0:
                said = f"The config describes more than {text.exact(most[what])} {what}."
                raise refuse("limit", said, _HINT)
        if time.monotonic() > end:
            raise refuse("timeout", f"The model took more than {limits.wall_seconds} s to build.", _HINT)

    hook = registry.register_module_parameter_registration_hook(spend)
    try:
        yield
    finally:
        hook.remove()


def _refusing(make: Callable[[], Any]) -> Any:
    """Return what `make` makes; whatever the library raises on a strange config becomes one error."""
    try:
        return make()
    except (FormatError, MemoryError):
        raise
    except Exception as error:  # a library meets hostile numbers in any place, with any error
        field = _FIELD.search(str(error))
        where = f"the field {field[1]}" if field else "this config"
        said = f"No model can be built from {where}: {_reason(error)}"
        hint = "Upload the weights." if _MISSING.search(str(error)) else _HINT
        raise refuse("config", said if said.endswith("…") else f"{said}.", hint) from error


def _reason(error: Exception) -> str:
    """Return why a library refused, as one sentence: its own first one, without what wraps it."""
    said = " ".join(str(error).split())
    missing = _MISSING.search(said)
    if missing:
        return f"it needs the library {text.clean(missing[1], 40)}, which is not installed here"
    if isinstance(error, KeyError) and " " not in said:  # the key alone, and no sentence around it
        return f"the library does not know {text.clean(said.strip(_QUOTES), 80)}"
    first = _END.split(_WRAPPED.sub("", said).strip(_QUOTES), maxsplit=1)[0]
    return text.shortened(text.clean(first, 2 * _MOST_SAID), _MOST_SAID).rstrip(".:; ")


def described(model: Any) -> Snapshot:
    """Return the Snapshot of a model on meta, without steps."""
    from shareviz.capture import capture

    return capture(model)


def head_is_tied(model: Any) -> bool | None:
    """Return whether the output head reads the token table; None without a head or table."""
    head, table = model.get_output_embeddings(), _table(model)
    if getattr(head, "weight", None) is None or getattr(table, "weight", None) is None:
        return None
    return head.weight is table.weight


def declared_ties(model: Any) -> str:
    """Return the ties that the class declares, as "name=kept name" with ";" between."""
    keys = model._tied_weights_keys or {}
    return ";".join(f"{name}={keys[name]}" if isinstance(keys, dict) else str(name) for name in keys)


def _table(model: Any) -> Any:
    try:
        return model.get_input_embeddings()
    except NotImplementedError:  # a class without a token table, such as a vision model
        return None
