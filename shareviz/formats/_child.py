"""The other end of `_worker`: reads one file under limits, and answers on standard output.

Run as `python -m shareviz.formats._child`, with the order on standard input.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from typing import Any

from shareviz.errors import FormatError, SharevizError
from shareviz.formats import format_of, read
from shareviz.formats._base import Limits, Request
from shareviz.formats._file import Handed, opened
from shareviz.formats._worker import OUT_OF_MEMORY
from shareviz.jsonio import to_json

_MEMORY = re.compile(r"allocate memory|map segment|bad_alloc|not enough memory")
_GRACE = 2  # seconds between the signal of the processor's limit and the kill


def main() -> None:
    """Answer with a Snapshot or with an error; a lack of memory is the exit status."""
    order = json.loads(sys.stdin.buffer.read())
    limits = Limits(**order["limits"])
    _bound(limits)
    try:
        sys.stdout.write(_answer(order, limits))
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    except (ImportError, OSError, RuntimeError) as error:
        if _MEMORY.search(str(error)):
            sys.exit(OUT_OF_MEMORY)
        raise


def _answer(order: Any, limits: Limits) -> str:
    file, *beside = (Handed(name, descriptor) for name, descriptor in order["files"])
    request = Request(order["pick"], tuple(beside))
    try:
        with opened(file, limits) as stream:
            chosen = format_of(stream)
            if chosen.torch or (chosen.beside and beside):  # a config beside weights is built too
                _limit(resource.RLIMIT_AS, limits.config_worker_bytes, limits.config_worker_bytes)
            return to_json(read(stream, request))
    except SharevizError as error:
        parts = error.parts if isinstance(error, FormatError) else ()
        said = {"code": error.code, "message": error.message, "hint": error.hint}
        return json.dumps(said | {"parts": [[part.name, part.tensors] for part in parts]})


def _bound(limits: Limits) -> None:
    _limit(resource.RLIMIT_AS, limits.worker_bytes, max(limits.worker_bytes, limits.config_worker_bytes))
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + _GRACE)
    _limit(resource.RLIMIT_FSIZE, 0, 0)
    _limit(resource.RLIMIT_CORE, 0, 0)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a limit, but never above one that is already there."""
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    main()
