"""Groups that several processes train give what one does, and an end of one is no end of all."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from shareviz.errors import OptionError
from shareviz.training import RunSpec, compare_training, result_of
from shareviz.training.course import run
from shareviz.training.crew import Hands, process
from shareviz.training.engine.group import Group
from shareviz.training.engine.member import Stopped
from shareviz.training.post import Post

SPEC = RunSpec("parity", versions=("all", "none"), seeds=3, steps=30)


def told(crew: Hands, spec: RunSpec = SPEC, **more: Any) -> list[dict[str, Any]]:
    """Return the events of a run by a crew."""
    events: list[dict[str, Any]] = []
    with crew:
        run(spec, lambda event: events.append(dict(event)), crew=crew, **more)
    return events


def found(events: list[dict[str, Any]], spec: RunSpec = SPEC) -> list[Any]:
    return [(m.version, m.seed, m.values, m.curve) for m in result_of(spec, events).members]


@pytest.fixture(scope="module")
def alone() -> list[Any]:
    return [(m.version, m.seed, m.values, m.curve) for m in compare_training(SPEC).members]


@pytest.mark.parametrize("most", [1, 3])
def test_threads_behind_the_shape_of_an_executor_find_what_one_process_does(
    most: int, alone: list[Any]
) -> None:
    assert found(told(Hands(lambda: most, lambda: ThreadPoolExecutor(1), patience=0))) == alone


def test_two_processes_find_what_one_does_whichever_was_given_what(alone: list[Any]) -> None:
    made: list[ProcessPoolExecutor] = []

    def another() -> ProcessPoolExecutor:
        made.append(process())
        return made[-1]

    assert found(told(Hands(lambda: 2, another, here=False))) == alone
    assert len(made) == 2


def test_a_process_that_dies_costs_nothing_but_time(alone: list[Any]) -> None:
    class Dies(ThreadPoolExecutor):
        """Warms up, and breaks with the first group."""

        def submit(self, fn: Callable[..., Any], /, *args: Any, **more: Any) -> Any:
            from concurrent.futures import BrokenExecutor, Future

            if not args:
                return super().submit(fn)
            broken: Future[Any] = Future()
            broken.set_exception(BrokenExecutor("killed"))
            return broken

    events = told(Hands(lambda: 2, lambda: Dies(1), patience=0))
    assert events[-1]["event"] == "done" and found(events) == alone


def test_a_stop_reaches_all_and_keeps_what_is_finished() -> None:
    stop = threading.Event()
    events: list[dict[str, Any]] = []

    def hear(event: Any) -> None:
        events.append(dict(event))
        if event["event"] == "member_done":
            stop.set()

    with Hands(lambda: 2, lambda: ThreadPoolExecutor(1), patience=0) as crew:
        run(RunSpec("parity", seeds=20, steps=60), hear, should_stop=stop.is_set, crew=crew)
    assert events[-1]["event"] == "stopped"
    assert 1 <= sum(event["event"] == "member_done" for event in events) < 40


def test_a_refusal_elsewhere_is_a_refusal_here() -> None:
    with Hands(lambda: 1) as crew, pytest.raises(OptionError, match="nonsense"):
        crew.train(SPEC.settle(), [Group("nonsense", (0,), (0.1,))], print, lambda: False)


def test_a_crew_that_was_stopped_trains_nothing() -> None:
    with Hands(lambda: 1) as crew, pytest.raises(Stopped):
        crew.train(SPEC.settle(), [Group("all", (0,), (0.1,))], print, lambda: True)


def test_all_events_of_a_line_have_come_when_it_is_closed() -> None:
    post = Post()
    with post.sink.open() as line:
        for step in range(1000):
            line.emit({"event": "progress", "step": step})
        assert not line.stopped()
    assert [event["step"] for event in post.take()] == list(range(1000))
    post.close()


def test_a_line_whose_other_end_is_gone_says_stop() -> None:
    post = Post()
    with post.sink.open() as line:
        post.stop()
        pause = threading.Event()
        for _ in range(100):
            if line.stopped():
                break
            pause.wait(0.05)
        assert line.stopped()
        line.emit({"event": "progress"})
    post.close()


def test_a_helper_ends_when_its_parent_is_killed() -> None:
    import subprocess
    import sys

    code = (
        "import os, time\n"
        "from shareviz.training.crew import process\n"
        "if __name__ == '__main__':\n"
        "    pool = process()\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        os.kill(helper, 0)
        parent.send_signal(signal.SIGKILL)
    pause = threading.Event()
    for _ in range(200):
        try:
            os.kill(helper, 0)
        except ProcessLookupError:
            return
        pause.wait(0.05)
    pytest.fail("the helper outlived its parent")
