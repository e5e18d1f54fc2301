"""The ways in which modules are handled, each carried out on a copy: one entry for each."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import parametrizations

from shareviz.clone import clone


@dataclass(frozen=True, slots=True)
class Step:
    """One way in which modules are handled: `run` does it to a copy and returns what comes out.

    A step on one side of a tie gets the first name of the set in `run`'s second argument.
    """

    name: str
    title: str
    run: Callable[[nn.Module, str], nn.Module]
    one_side: bool = False


def _copied_state(module: nn.Module, _: str) -> nn.Module:
    other = clone(module)
    other.load_state_dict(module.state_dict())
    return other


def _assigned_state(module: nn.Module, _: str) -> nn.Module:
    other = clone(module)
    other.load_state_dict(module.state_dict(), assign=True)
    return other


def _meta_and_back(module: nn.Module, _: str) -> nn.Module:
    return clone(module, "meta").to_empty(device="cpu")


def _safetensors(module: nn.Module, _: str) -> nn.Module:
    from safetensors.torch import load_model, save_model

    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "model.safetensors")
        save_model(module, file)
        other = clone(module)
        load_model(other, file)
    return other


def _pickled(module: nn.Module, _: str) -> nn.Module:
    memory = BytesIO()
    torch.save(module, memory)
    memory.seek(0)
    # the bytes were written above, by this very process: no foreign pickle is read
    loaded: nn.Module = torch.load(memory, weights_only=False)
    return loaded


def _averaged(module: nn.Module, _: str) -> nn.Module:
    from torch.optim.swa_utils import AveragedModel

    inner: nn.Module = AveragedModel(module).module
    return inner


def _host(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, attribute = name.rpartition(".")
    return module.get_submodule(path), attribute


def _spectral(module: nn.Module, name: str) -> nn.Module:
    host, attribute = _host(module, name)
    parametrizations.spectral_norm(host, attribute, dim=0)
    return module


def _weight_norm(module: nn.Module, name: str) -> nn.Module:
    host, attribute = _host(module, name)
    parametrizations.weight_norm(host, attribute)
    return module


def _pruned(module: nn.Module, name: str) -> nn.Module:
    from torch.nn.utils import prune

    host, attribute = _host(module, name)
    prune.l1_unstructured(host, attribute, amount=0.1)  # type: ignore[no-untyped-call]
    return module


STEPS: tuple[Step, ...] = (
    Step("state_dict", "state_dict, copied in", _copied_state),
    Step("deepcopy", "deepcopy", lambda module, _: copy.deepcopy(module)),
    Step("half", "cast to half", lambda module, _: module.half()),
    Step("averaged", "EMA copy", _averaged),
    Step("torch_save", "torch.save, whole", _pickled),
    Step("safetensors", "safetensors", _safetensors),
    Step("assign", "load, assign=True", _assigned_state),
    Step("meta", "to meta", lambda module, _: module.to("meta")),
    Step("to_empty", "meta, to_empty", _meta_and_back),
    Step("spectral_norm", "spectral_norm, one side", _spectral, one_side=True),
    Step("weight_norm", "weight_norm, one side", _weight_norm, one_side=True),
    Step("prune", "prune, one side", _pruned, one_side=True),
)
