"""Members of one signature trained as one program: their parameters in a bank, a row for each member.

The modules are the realized ones. One of them is cloned without memory, its ties are asserted equal,
and its parameters are replaced by rows of the bank while it runs under `torch.vmap`; see `operators`
for the calls that vmap needs help with, and `tape` for how the step is run again.

A member has the same bits whoever stands beside it. Against the plain path its numbers agree to
about 2e-6 of their size after ten steps (the same sums in another order, which training then amplifies).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shareviz.capture import capture
from shareviz.clone import clone, held_tensors, walk
from shareviz.training.engine.data import loss_of
from shareviz.training.engine.operators import Operators
from shareviz.training.engine.tape import Made, Program, Refused

_ROUND = 32  # elements: every member's row starts on a full line of memory
_WRONG = (RuntimeError, TypeError, ValueError, IndexError, AttributeError, AssertionError)


class Banked:
    """Realized members of one signature, with the losses and gradients of all in one call.

    Args:
        members: Modules with the same tree, shapes and sharing. They are left as they are until
            `give_back`.
        loss: As in `Task`.

    Raises:
        Refused: The members differ, or hold what cannot be put in a bank.
    """

    def __init__(self, members: Sequence[nn.Module], loss: str) -> None:
        self._members, self._loss = tuple(members), loss
        self._base = _base(self._members)
        self._trained = [[p for p in one.parameters() if p.requires_grad] for one in members]
        self._kept = [_kept(one) for one in members]
        self._check()
        self.bank = _stacked(self._trained)  # (members, elements)
        self.grads: Tensor | None = None  # the same shape
        self._held = [torch.stack([t.detach() for t in same]) for same in zip(*self._kept, strict=True)]
        self._slots = _slots(self._members[0], self._base, (*self._trained[0], *self._kept[0]))
        self._program: Program | None = None

    def __len__(self) -> int:
        return len(self._members)

    def rows(self) -> list[Tensor]:
        """Return each member's row of the bank, to be given to an optimizer."""
        return list(self.bank.unbind(0))

    def record(self, inputs: Tensor, targets: Tensor) -> None:
        """Record the step on batches of the shape of these, (members, batch, …); trains nothing.

        The recording is tried against the step itself at other values, bit by bit.

        Raises:
            Refused: vmap refuses the module, or the step depends on values that a recording cannot see.
        """
        kept = [self.bank.clone(), *(tensor.clone() for tensor in self._held)]
        others = inputs.roll(1, 1), targets.roll(1, 1)
        try:
            self._program = Program(self._step, (self.bank, *self._held), (inputs, targets))
            self.bank.mul_(0.75)
            self._put_back(kept[1:])
            wanted = self._step(self.bank, *self._held, *others)
            self._put_back(kept[1:])
            with torch.no_grad():
                found = self._program(*others)
        except _WRONG as error:
            raise Refused(" ".join(str(error).split())[:200]) from error
        finally:
            self.bank.copy_(kept[0])
            self._put_back(kept[1:])
        if not all(torch.allclose(a, b, 0, 0, equal_nan=True) for a, b in zip(found, wanted, strict=True)):
            raise Refused("its recording gives other numbers at other values")

    def step(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return each member's loss and gradient norm, and leave the gradients in `grads`."""
        if self._program is None:
            self.record(inputs, targets)
        assert self._program is not None
        with torch.no_grad():
            losses, self.grads, norms = self._program(inputs, targets)
        return losses, norms

    def give_back(self) -> None:
        """Write each member's values into its module."""
        with torch.no_grad():
            for row, parameters in zip(self.bank, self._trained, strict=True):
                for parameter, part in zip(parameters, _parts(row[None], parameters), strict=True):
                    parameter.copy_(part[0])
            for place, stacked in enumerate(self._held):
                for value, kept in zip(stacked, self._kept, strict=True):
                    kept[place].copy_(value)

    def _put_back(self, held: Sequence[Tensor]) -> None:
        for tensor, value in zip(self._held, held, strict=True):
            tensor.copy_(value)

    def _step(self, bank: Tensor, *rest: Tensor) -> Made:
        """Return losses, gradients and their norms, (members,), (members, elements), (members,)."""
        *held, inputs, targets = rest
        trained = self._trained[0]
        leaves = [part.detach().requires_grad_() for part in _parts(bank, trained)]
        with torch.enable_grad():
            losses = torch.vmap(self._loss_of_one)([*leaves, *held], inputs, targets)
            found = torch.autograd.grad(losses.sum(), leaves, materialize_grads=True)
        flat = [grad.reshape(len(self), -1) for grad in found]
        rest_of_row = bank.shape[1] - sum(part.shape[1] for part in flat)
        grads = torch.cat([*flat, bank.new_zeros(len(self), rest_of_row)], dim=1)
        return losses.detach(), grads, torch.linalg.vector_norm(grads, dim=1)

    def _loss_of_one(self, tensors: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        for module, place, name, index in self._slots:
            getattr(module, place)[name] = tensors[index]
        with Operators():
            return loss_of(self._base(inputs), targets, self._loss)

    def _check(self) -> None:
        first = [(p.shape, p.dtype, p.device) for p in self._trained[0]]
        if any([(p.shape, p.dtype, p.device) for p in other] != first for other in self._trained):
            raise Refused("the members differ in their shapes")
        if len({dtype for _, dtype, _ in first}) != 1:
            raise Refused("the parameters are of several types")
        known = {id(tensor) for tensor in (*self._members[0].parameters(), *self._members[0].buffers())}
        if any(id(tensor) not in known for tensor in held_tensors(self._members[0])):
            raise Refused("it keeps tensors outside of its parameters and buffers")


def _base(members: Sequence[nn.Module]) -> nn.Module:
    """Return a clone without memory, whose ties are those of every member."""
    seen = capture(members[0])
    if any(capture(other) != seen for other in members[1:]):
        raise Refused("the members differ in what they share")
    base = clone(members[0], "meta")
    if capture(base) != seen:
        raise Refused("its clone does not share what it shares")
    return base


def _kept(module: nn.Module) -> list[Tensor]:
    """Return what is in a module and not trained: frozen parameters, then buffers."""
    return [*(p for p in module.parameters() if not p.requires_grad), *module.buffers()]


def _stacked(members: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return the bank: each member's parameters one after the other, rounded up with zeros."""
    rows = torch.stack([torch.cat([p.detach().reshape(-1) for p in one]) for one in members])
    return nn.functional.pad(rows, (0, -rows.shape[1] % _ROUND))


def _parts(bank: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Return views of a bank, (members, *shape) for each parameter."""
    sizes = [parameter.numel() for parameter in like]
    parts = torch.split(bank[:, : sum(sizes)], sizes, dim=1)
    return [part.view(len(bank), *p.shape) for part, p in zip(parts, like, strict=True)]


def _slots(
    module: nn.Module, base: nn.Module, tensors: Sequence[Tensor]
) -> list[tuple[nn.Module, str, str, int]]:
    """Return where in the base each tensor stands, by identity: one tensor may stand in several places."""
    index = {id(tensor): place for place, tensor in enumerate(tensors)}
    found = []
    for current, other in zip(walk(module), walk(base), strict=True):
        for place in ("_parameters", "_buffers"):
            for name, tensor in getattr(current, place).items():
                if tensor is not None:
                    found.append((other, place, name, index[id(tensor)]))
    return found
