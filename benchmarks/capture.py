"""How long does it take to count a model? capture and tally against a bare pass and the rivals.

`python -m benchmarks.capture [tensors …]` prints CPU milliseconds, the best of three, and the ratio
to the bare pass: a loop over the names that groups them by storage.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import torch
from torch import nn

from benchmarks._timing import best
from shareviz.capture import capture
from shareviz.sharing import tally


def model(tensors: int) -> nn.Module:
    """Return small Linear layers without bias on meta, the last tied to the first."""
    with torch.device("meta"):
        blocks = [nn.ModuleDict({"mix": nn.Linear(8, 8, bias=False)}) for _ in range(tensors)]
    blocks[-1]["mix"].weight = blocks[0]["mix"].weight
    return nn.ModuleList(blocks)


def bare(module: nn.Module) -> int:
    """Return the stored count by storage alone, as the simplest honest loop would."""
    seen: dict[int, int] = {}
    for _, parameter in module.named_parameters(remove_duplicate=False):
        seen[parameter.untyped_storage()._cdata] = parameter.numel()
    return sum(seen.values())


def torchinfo(module: nn.Module) -> int:
    """Return torchinfo's total."""
    from torchinfo import summary

    return summary(module, verbose=0).total_params


def main(sizes: list[int]) -> None:
    """Print one line for each size and way."""
    for tensors in sizes:
        module = model(tensors)
        seen = capture(module)
        assert tally(seen).stored == bare(module), "two ways to count must agree before they are timed"
        base = best(lambda module=module: bare(module))
        ways = {"bare pass": base, "capture": best(lambda module=module: capture(module))}
        ways["tally"] = best(lambda seen=seen: tally(replace(seen)))  # a fresh object: facts are kept
        if tensors <= 10_000:
            ways["torchinfo"] = best(lambda module=module: torchinfo(module), 1)
        for way, seconds in ways.items():
            print(f"{tensors:>7,} tensors  {way:<10} {1000 * seconds:>10.1f} ms  ×{seconds / base:.1f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000, 50_000])
