"""The only copy in the house keeps ties, views, values and hooks, and leaves the original alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from shareviz.capture import capture
from shareviz.clone import clone, held_tensors, walk


class Views(nn.Module):
    """A tie, an alias, slices, a transpose, a buffer that is a view, and weights kept in plain places."""

    def __init__(self) -> None:
        super().__init__()
        whole = torch.randn(4, 6)
        self.a = nn.Linear(6, 4)
        self.b = nn.Linear(6, 4)
        self.b.weight = self.a.weight
        self.c = nn.Linear(6, 4)
        self.c.weight = nn.Parameter(self.a.weight.detach())
        self.left, self.right = nn.Parameter(whole[:, :3]), nn.Parameter(whole[:, 3:])
        self.turned = nn.Parameter(whole.t(), requires_grad=False)
        self.register_buffer("view", whole[1:3], persistent=False)
        self.kept = [self.a.weight, {"inner": (self.left,)}]

    def forward(self, x: Tensor) -> Tensor:
        return self.b(x) + self.c(x) + x @ self.turned + self.kept[0].sum()


def test_a_clone_is_captured_as_its_original_and_computes_the_same() -> None:
    module = Views()
    copied = clone(module)
    assert capture(copied) == capture(module)
    x = torch.randn(2, 6)
    assert torch.equal(copied(x), module(x))


def test_a_clone_has_memory_of_its_own() -> None:
    module = Views()
    copied = clone(module)
    ours, theirs = ({t.untyped_storage()._cdata for t in held_tensors(m)} for m in (module, copied))
    assert not ours & theirs
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_one_update_moves_all_that_shared_before() -> None:
    copied = clone(Views())
    with torch.no_grad():
        copied.turned.fill_(7)
        copied.c.weight.fill_(3)
    assert bool((copied.left == 7).all() and (copied.view == 7).all())
    assert bool((copied.a.weight == 3).all())


def test_weights_in_lists_follow() -> None:
    copied = clone(Views())
    assert copied.kept[0] is copied.a.weight
    assert copied.kept[1]["inner"][0] is copied.left


def test_flags_and_kinds_follow() -> None:
    module = Views()
    module.a.weight.requires_grad_(False)
    copied = clone(module)
    assert [p.requires_grad for p in copied.parameters()] == [p.requires_grad for p in module.parameters()]
    assert set(copied.state_dict()) == set(module.state_dict())
    assert all(isinstance(p, nn.Parameter) for p in copied.parameters())


def test_what_a_library_notes_on_a_parameter_comes_along() -> None:
    module = nn.Linear(2, 2)
    module.weight.no_decay = True
    assert clone(module).weight.no_decay is True


def test_a_clone_to_meta_keeps_the_structure_and_takes_no_memory() -> None:
    copied = clone(Views(), "meta")
    assert capture(copied) == capture(Views())
    assert {t.device.type for t in held_tensors(copied)} == {"meta"}


def test_a_clone_of_meta_to_the_cpu_has_memory_and_the_ties() -> None:
    copied = clone(clone(Views(), "meta"), "cpu")
    assert capture(copied) == capture(Views())
    assert copied(torch.randn(2, 6)).shape == (2, 4)


def test_conjugate_and_negative_views_stay_so() -> None:
    module = nn.Module()
    x = torch.randn(3, dtype=torch.complex64)
    module.a, module.b = nn.Parameter(x), nn.Parameter(x.conj())
    module.register_buffer("c", x.conj().imag)
    copied = clone(module)
    assert copied.b.is_conj()
    assert copied.c.is_neg()
    assert torch.equal(copied.c, module.c)
    assert capture(copied) == capture(module)


def test_cycles_and_diamonds_are_walked_once() -> None:
    root, leaf = nn.Module(), nn.Linear(2, 2)
    root.left, root.right = nn.Module(), nn.Module()
    root.left.leaf = root.right.leaf = leaf
    leaf.up = root
    assert list(walk(root)) == [root, root.left, leaf, root.right]
    copied = clone(root)
    assert copied.left.leaf is copied.right.leaf
    assert copied.left.leaf.up is copied


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_parametrized_clone_and_its_original_part_ways(wrap: object) -> None:
    module = nn.Sequential(wrap(nn.Linear(3, 4)), nn.Linear(3, 4))  # type: ignore[operator]
    copied = clone(module)
    assert capture(copied) == capture(module)
    parametrize.remove_parametrizations(copied[0], "weight")
    assert parametrize.is_parametrized(module[0], "weight")
    assert module[0].weight.shape == (4, 3)


def test_a_recurrent_layer_runs_after_a_clone() -> None:
    module = nn.LSTM(3, 4)
    copied = clone(module)
    x = torch.randn(5, 1, 3)
    assert torch.equal(copied(x)[0], module(x)[0])
    with torch.no_grad():
        copied.weight_hh_l0.zero_()
    assert not torch.equal(copied(x)[0], module(x)[0])


def test_hooks_come_along() -> None:
    module = nn.Linear(2, 2)
    module.register_forward_hook(lambda _module, _inputs, output: output * 0)
    assert not clone(module)(torch.ones(1, 2)).any()


def test_a_lazy_module_is_still_lazy() -> None:
    copied = clone(nn.LazyLinear(3))
    assert copied(torch.ones(1, 2)).shape == (1, 3)
