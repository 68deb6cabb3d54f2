"""The daemon's side of the worker processes: few, bounded, and replaced when one does not answer."""

import asyncio
import contextlib
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

from autoscaler.adapters.prometheus.errors import DeadlineError, SilentError, StuckError, WorkerLost
from autoscaler.adapters.prometheus.messages import Adoption, Answer, Ask, Forget, FromWorker, Ping
from autoscaler.adapters.prometheus.worker import main

_SPAWN = multiprocessing.get_context("spawn")
START_S = 30.0
"""Longest that a worker may take to start (0.4 s where nothing else runs)."""
GRACE_S = 1.0
"""How much later than a source's deadline its worker must have said so. Then it is asked whether it is there, and one
that says nothing for as long again is replaced."""
BUSY_GRACE_S = 3.0
"""How much longer one that is there is waited for: it has much to do, and its neighbours' readings too."""

SHARED_BYTES = 2 << 20
"""Largest answer that is read in a worker that sources share."""


class Worker:
    """One process and what it was asked."""

    def __init__(self) -> None:
        ours, theirs = _SPAWN.Pipe()
        self._connection: Connection = ours
        self._process = _SPAWN.Process(target=main, args=(theirs,), name="prometheus-worker", daemon=True)
        self._process.start()
        theirs.close()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ours.fileno(), self._receive)
        self._waiting: dict[str, tuple[int, asyncio.Future[Answer]]] = {}
        self._adopted: dict[str, int] = {}
        self._is_ready = asyncio.Event()
        self._heard = 0
        self.is_lost = False

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it runs.

        Raises:
            WorkerLost: it ended, or did not start in time.
        """
        try:
            await asyncio.wait_for(self._is_ready.wait(), START_S)
        except TimeoutError:
            self.stop()
        if self.is_lost:
            raise WorkerLost("a worker process did not start")

    async def ask(self, adopt: Adoption, ask: Ask) -> Answer:
        """Have a source read; tells the worker of the source first, where it does not know.

        Raises:
            WorkerLost: the process ended, by itself or because of another source.
            StuckError: it did not answer.
        """
        await self.ready()
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[ask.source] = ask.number, answer
        try:
            if self._adopted.get(ask.source) != adopt.segment.version:
                self._connection.send(adopt)
                self._adopted[ask.source] = adopt.segment.version
            self._connection.send(ask)
            done, _ = await asyncio.wait([answer], timeout=ask.timeout_s + GRACE_S)
            return answer.result() if done else await self._overdue(answer, ask)
        except OSError:
            self.stop()
            raise WorkerLost("a worker process ended") from None
        finally:
            self._waiting.pop(ask.source, None)

    async def _overdue(self, answer: asyncio.Future[Answer], ask: Ask) -> Answer:
        """Wait somewhat longer, for as long as the worker says that it is there: then it is busy.

        Raises:
            SilentError: it says nothing.
            StuckError: it does, and still gives no answer.
        """
        heard = self._heard
        self._connection.send(Ping())
        done, _ = await asyncio.wait([answer], timeout=GRACE_S)
        late = f"no whole answer within {ask.timeout_s:g} s, and its worker did not end"
        if not done and self._heard == heard:
            raise SilentError(late)
        if not done:
            done, _ = await asyncio.wait([answer], timeout=BUSY_GRACE_S)
        if not done:
            raise StuckError(late)
        return answer.result()

    def forget(self, source: str) -> None:
        """Tell the worker that nothing more will be asked of a source."""
        if self._adopted.pop(source, None) is not None and not self.is_lost:
            with contextlib.suppress(OSError):  # a worker that has ended has forgotten all
                self._connection.send(Forget(source))

    def stop(self) -> None:
        """End the process at once; whoever waits for it is told."""
        if self.is_lost:
            return
        self.is_lost = True
        self._is_ready.set()
        self._loop.remove_reader(self._connection.fileno())
        self._connection.close()
        self._process.kill()
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(WorkerLost("a worker process ended"))

    async def reap(self) -> None:
        """Wait for a stopped process, so that it leaves no zombie."""
        await asyncio.to_thread(self._process.join, 5.0)
        with contextlib.suppress(ValueError):
            self._process.close()

    def _receive(self) -> None:
        try:
            message: FromWorker = self._connection.recv()
        except (EOFError, OSError):
            self.stop()
            return
        self._heard += 1
        if not isinstance(message, Answer):
            self._is_ready.set()
            return
        number, waiting = self._waiting.get(message.source, (0, None))
        if waiting is not None and message.number == number and not waiting.done():
            waiting.set_result(message)


class Pool:
    """Sources share a bounded number of workers, and those that harm others there leave them.

    Shared workers read small answers alone: parsing 2 MiB (20,000 series) stops all threads of a process for 20 ms. A
    source with a larger one is asked again, in the same reading, among the large; one that made its worker be replaced
    is from then on among the stuck. Each of the three groups has `size` processes at most.

    Args:
        size: workers of a group.
        shared_bytes: largest answer read in a shared worker; None: there is one source, and nobody to harm.
    """

    def __init__(
        self, size: int, start: Callable[[], Worker] = Worker, shared_bytes: int | None = SHARED_BYTES
    ) -> None:
        self._size = size
        self._shared_bytes = shared_bytes
        self._start = start
        self._workers: dict[int, Worker] = {}
        self._places: dict[str, int] = {}
        self._stuck: dict[str, int] = {}
        self._large: dict[str, int] = {}
        self._reaping: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def start(self) -> None:
        """Start the shared workers and wait for them.

        Raises:
            WorkerLost: one did not start.
        """
        workers = [self._worker_at(place) for place in range(self._size)]
        await asyncio.gather(*(worker.ready() for worker in workers))

    async def ask(self, adopt: Adoption, ask: Ask) -> Answer:
        """Have a source read in its worker; one that ended because of another source is asked again, once.

        Raises:
            SourceError: no answer.
        """
        began_s = time.monotonic()
        answer = await self._answered(adopt, ask)
        if not answer.is_large:
            return answer
        self._leave(ask.source, self._large)
        left_s = ask.timeout_s - (time.monotonic() - began_s)
        if left_s <= 0:
            raise DeadlineError(f"no whole answer within {ask.timeout_s:g} s")
        return await self._answered(adopt, replace(ask, timeout_s=left_s))

    def forget(self, source: str) -> None:
        """Have nothing kept of a source of which nothing more will be asked."""
        place = self._known_place(source)
        for group in (self._places, self._stuck, self._large):
            group.pop(source, None)
        worker = self._workers.get(place) if place is not None else None
        if worker is not None:
            worker.forget(source)

    def pids(self) -> list[int]:
        """Give the ids of the workers' processes."""
        return [one.pid for one in self._workers.values() if one.pid is not None and not one.is_lost]

    async def close(self) -> None:
        """End all workers, and start no more."""
        self._is_closed = True
        for place in tuple(self._workers):
            self._retire(place)
        await asyncio.gather(*self._reaping)

    async def _answered(self, adopt: Adoption, ask: Ask) -> Answer:
        try:
            return await self._ask(adopt, ask)
        except WorkerLost:
            return await self._ask(adopt, ask)

    async def _ask(self, adopt: Adoption, ask: Ask) -> Answer:
        if self._is_closed:
            raise WorkerLost("the workers are closed")
        place = self._place_of(ask.source)
        worker = self._worker_at(place)
        try:
            return await worker.ask(adopt, replace(ask, most_bytes=self._shared_bytes if place < self._size else None))
        except StuckError as error:
            was_stuck = ask.source in self._stuck
            if not was_stuck:
                self._leave(ask.source, self._stuck)
            # One that answers others is left to them: what hangs in it (a look-up of a name) holds up nobody there.
            if self._workers.get(place) is worker and (was_stuck or isinstance(error, SilentError)):
                self._retire(place)
            raise

    def _leave(self, source: str, group: dict[str, int]) -> None:
        """Have a source go over to a group of its like, to the worker of it that has the fewest."""
        worker = self._workers.get(self._place_of(source))
        if worker is not None:
            worker.forget(source)
        for other in (self._places, self._large):
            other.pop(source, None)
        first = self._size if group is self._stuck else 2 * self._size
        taken = Counter(group.values())
        group[source] = min(range(first, first + self._size), key=lambda place: taken[place])

    def _known_place(self, source: str) -> int | None:
        return next((group[source] for group in (self._stuck, self._large, self._places) if source in group), None)

    def _place_of(self, source: str) -> int:
        place = self._known_place(source)
        if place is None:
            taken = Counter(self._places.values())
            place = self._places[source] = min(range(self._size), key=lambda one: taken[one])
        return place

    def _worker_at(self, place: int) -> Worker:
        worker = self._workers.get(place)
        if worker is not None and worker.is_lost:
            self._retire(place)
        if place not in self._workers:
            try:
                self._workers[place] = self._start()
            except OSError as error:
                raise WorkerLost(f"a worker process cannot be started ({error.strerror})") from None
        return self._workers[place]

    def _retire(self, place: int) -> None:
        worker = self._workers.pop(place)
        worker.stop()
        reaping = asyncio.get_running_loop().create_task(worker.reap())
        self._reaping.add(reaping)
        reaping.add_done_callback(self._reaping.discard)
