"""An event loop whose time is virtual: nothing waits, no socket and no thread is there, every run is the same."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

RESOLUTION_S = 1e-9
MOST_TURNS = 20_000
"""Turns of the loop in one moment; the busiest moment of a run takes some hundred."""


class NothingWillHappen(RuntimeError):
    """Everybody waits and no timer is set: in life this daemon would hang for ever."""


class TimeStandsStill(RuntimeError):
    """Callbacks follow callbacks and no time passes: in life this daemon would burn a core."""


class _Jump:
    """Stands where a selector stands: instead of waiting, it moves the clock on to the next timer."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingWillHappen(f"nobody waits for a time after {self._loop.now_s:.3f} s")
        self._turns += 1
        if timeout > 0:
            self._loop.jump()
            self._turns = 0
        if self._turns > MOST_TURNS:
            self._turns = 0
            raise TimeStandsStill(f"{MOST_TURNS} turns of the loop at {self._loop.now_s:.3f} s")
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks in the order in which they were asked for, timers at their time, and takes no time for it.

    Attributes:
        now_s: virtual seconds since the loop was made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self._selector = _Jump(self)
        self._clock_resolution = RESOLUTION_S
        self._thread = threading.get_ident()

    def time(self) -> float:
        """Give virtual seconds."""
        return self.now_s

    def jump(self) -> None:
        """Move the clock to the next timer; timers of one instant keep the order of their times alone."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        self.now_s = max(self.now_s, timers[0].when())

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run a function in the executor given; without one, where `to_thread` would go, at once."""
        return super().run_in_executor(executor or Later(self), func, *args)

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: no descriptor is watched."""

    def _write_to_self(self) -> None:
        """Wake nobody: there is no other thread from which this may come."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("a thread touched the virtual loop")


class Later(Executor):
    """Runs what it is given in this thread: at once, or a drawn while later, one after the other.

    Args:
        loop: whose time it is.
        takes_s: draws how long the next takes, seconds; None: no time.
        goes_on: gives what is done when the process goes on that stands still now; None: it runs, or nobody stops it.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        takes_s: Callable[[], float] | None = None,
        goes_on: Callable[[], "asyncio.Future[None] | None"] = lambda: None,
    ) -> None:
        self._loop = loop
        self._takes_s = takes_s
        self._goes_on = goes_on
        self._free_s = 0.0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a function; its future is done when its time has come."""
        future: Future[Any] = Future()
        if self._takes_s is None:
            _run(future, fn, args, kwargs)
        else:
            self._free_s = max(self._free_s, self._loop.now_s) + self._takes_s()
            self._loop.call_at(self._free_s, self._when_running, future, fn, args, kwargs)
        return future

    def _when_running(self, future: "Future[Any]", fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
        going_on = self._goes_on()
        if going_on is None:
            _run(future, fn, args, kwargs)
        else:
            going_on.add_done_callback(lambda _: self._when_running(future, fn, args, kwargs))


def _run(future: "Future[Any]", fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(fn(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - an executor hands every error to its caller
        future.set_exception(error)
