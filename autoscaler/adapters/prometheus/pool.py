"""The daemon's side of the worker processes: few, bounded, and replaced when one does not answer."""

import asyncio
import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

from autoscaler.adapters.prometheus.errors import DeadlineError, WorkerLost
from autoscaler.adapters.prometheus.messages import Adoption, Answer, Ask, Forget, FromWorker
from autoscaler.adapters.prometheus.worker import main

_SPAWN = multiprocessing.get_context("spawn")
START_S = 30.0
"""Longest that a worker may take to start (0.4 s where nothing else runs)."""
GRACE_S = 1.0
"""How much later than a source's deadline its worker must have said so; then the worker is replaced."""


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
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._adopted: dict[str, int] = {}
        self._is_ready = asyncio.Event()
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
            DeadlineError: it did not answer.
        """
        await self.ready()
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[ask.source] = answer
        try:
            if self._adopted.get(ask.source) != adopt.segment.version:
                self._connection.send(adopt)
                self._adopted[ask.source] = adopt.segment.version
            self._connection.send(ask)
            return await asyncio.wait_for(answer, ask.timeout_s + GRACE_S)
        except TimeoutError:
            raise DeadlineError(f"no whole answer within {ask.timeout_s:g} s, and its worker did not end") from None
        except OSError:
            self.stop()
            raise WorkerLost("a worker process ended") from None
        finally:
            self._waiting.pop(ask.source, None)

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
        for answer in self._waiting.values():
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
        if not isinstance(message, Answer):
            self._is_ready.set()
            return
        waiting = self._waiting.get(message.source)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)


class Pool:
    """Sources share a bounded number of workers; one that made its worker be replaced leaves the shared ones.

    Args:
        size: workers that sources share, and also most workers that those which had to leave share.
    """

    def __init__(self, size: int, start: Callable[[], Worker] = Worker) -> None:
        self._size = size
        self._start = start
        self._workers: dict[int, Worker] = {}
        self._places: dict[str, int] = {}
        self._culprits: dict[str, int] = {}
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
        try:
            return await self._ask(adopt, ask)
        except WorkerLost:
            return await self._ask(adopt, ask)

    def forget(self, source: str) -> None:
        """Have nothing kept of a source of which nothing more will be asked."""
        place = self._culprits.pop(source, self._places.get(source))
        self._places.pop(source, None)
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

    async def _ask(self, adopt: Adoption, ask: Ask) -> Answer:
        if self._is_closed:
            raise WorkerLost("the workers are closed")
        place = self._place_of(ask.source)
        worker = self._worker_at(place)
        try:
            return await worker.ask(adopt, ask)
        except DeadlineError:
            self._culprits.setdefault(ask.source, self._size + len(self._culprits) % self._size)
            if self._workers.get(place) is worker:
                self._retire(place)
            raise

    def _place_of(self, source: str) -> int:
        if source in self._culprits:
            return self._culprits[source]
        return self._places.setdefault(source, len(self._places) % self._size)

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
