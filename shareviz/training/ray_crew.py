"""Groups on a Ray cluster, an extra: `pip install shareviz[ray]`. Only Ray's core, behind one `submit`.

The other machines need the same shareviz and a way back to this one, over which events come.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from shareviz.errors import OptionError
from shareviz.training.crew import Hands


class RayExecutor:
    """One hand somewhere on the cluster, with one core of it."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Return the future of a call of a function that the other machines find by its name."""
        # one core, one thread; a worker that died is seen here, and its group given to another
        remote = self._ray.remote(num_cpus=1, max_retries=0)(fn)
        found: Future[Any] = remote.remote(*args).future()
        return found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; Ray ends idle workers by itself."""


@contextmanager
def ray_hands(address: str = "", most: int | None = None) -> Iterator[Hands]:
    """Give hands on a cluster, as many as it has cores or `most`; an empty address begins one here.

    Raises:
        OptionError: Ray is not installed (code `missing`), or the cluster does not answer.
    """
    if importlib.util.find_spec("ray") is None:
        raise OptionError("Ray is not installed.", code="missing", hint="Install it: pip install ray.")
    ray: Any = importlib.import_module("ray")
    quiet = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
    try:
        ray.init(address or None, **({} if address else quiet))
    except (ConnectionError, ValueError, RuntimeError) as error:
        words = f"The Ray cluster does not answer: {str(error).splitlines()[0][:120]}"
        raise OptionError(words, code="no-cluster", hint="Give the address of a running one.") from error
    cores = int(ray.cluster_resources().get("CPU", 1))
    host = str(ray.util.get_node_ip_address()) if address else "127.0.0.1"
    try:
        with Hands(lambda: min(most or cores, cores), lambda: RayExecutor(ray), host, here=False) as crew:
            yield crew
    finally:
        ray.shutdown()
