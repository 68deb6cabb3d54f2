"""The worker process: a thread per source and party, and a watch that cuts what is open at its deadline."""

import gc
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Protocol

from autoscaler.adapters.prometheus.asking import Readout
from autoscaler.adapters.prometheus.errors import LargeError, SourceError
from autoscaler.adapters.prometheus.messages import (
    Adopt,
    Adoption,
    Answer,
    Ask,
    Forget,
    FromWorker,
    Ping,
    Ready,
    ToWorker,
)
from autoscaler.adapters.prometheus.questions import QuestionReader
from autoscaler.adapters.prometheus.reading import Reader
from autoscaler.adapters.prometheus.transport import Lines

_IDLE_S = 3600.0


class Outbox:
    """The way back to the daemon, shared by all threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: FromWorker) -> None:
        """Send one message whole; to a daemon that has ended, nothing: `main` finds the connection closed."""
        with self._lock, suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send(message)


class Reads(Protocol):
    """What a thread does its readings with; each kind takes its own kind of `Adoption`."""

    @property
    def version(self) -> int: ...

    def adopt(self, message: Any) -> None: ...

    def read(self, ask: Ask) -> Readout: ...

    def close(self) -> None: ...


class SourceThread:
    """Reads one source, or asks one party's questions, in a thread of its own: one that hangs holds up nobody."""

    def __init__(self, adopt: Adoption, outbox: Outbox) -> None:
        self._lines = Lines()
        self._reader: Reads = (
            Reader(adopt, self._lines) if isinstance(adopt, Adopt) else QuestionReader(adopt, self._lines)
        )
        self._outbox = outbox
        self._inbox: SimpleQueue[ToWorker] = SimpleQueue()
        self.deadline: float | None = None
        threading.Thread(target=self._run, name=adopt.source, daemon=True).start()

    def put(self, message: ToWorker) -> None:
        """Hand over a message; an `Ask` starts its deadline now, and `Forget` cuts short what is open."""
        if isinstance(message, Ask):
            self.deadline = time.monotonic() + message.timeout_s
        elif isinstance(message, Forget):
            self._lines.end()
        self._inbox.put(message)

    def cut_if_due(self, now_s: float) -> None:
        """End the source's connections when its deadline is past."""
        if self.deadline is not None and now_s >= self.deadline:
            self.deadline = None
            self._lines.cut()

    def _run(self) -> None:
        while not isinstance(message := self._inbox.get(), Forget):
            if isinstance(message, Ask):
                answer = self._answer(message)
                self.deadline = None
                self._outbox.send(answer)
                gc.collect()
            else:
                self._reader.adopt(message)
        self._reader.close()

    def _answer(self, ask: Ask) -> Answer:
        start = time.monotonic()
        is_sick = is_large = False
        try:
            read = self._reader.read(ask)
        except SourceError as failure:
            read, is_sick, is_large = Readout(error=str(failure)), True, isinstance(failure, LargeError)
        return Answer(
            source=ask.source,
            number=ask.number,
            version=self._reader.version,
            series=read.series,
            query_s=time.monotonic() - start,
            error=read.error,
            is_sick=is_sick,
            is_large=is_large,
            outcomes=read.outcomes,
            unclear=read.unclear,
        )


def main(connection: Connection) -> None:
    """Serve the daemon until it closes the connection or ends."""
    gc.disable()  # a third of the parse would go into it: each thread collects after its answer is out
    gc.freeze()  # and looks at nothing that was there before: a look at what was imported is 11 ms, times the sources
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the daemon, which ends us
    outbox = Outbox(connection)
    threads: dict[str, SourceThread] = {}
    outbox.send(Ready())
    while True:
        if connection.poll(_wait_s(threads)):
            try:
                message: ToWorker = connection.recv()
            except (EOFError, ConnectionResetError):
                return
            if isinstance(message, Ping):
                outbox.send(Ready())
            else:
                _hand(message, threads, outbox)
        now_s = time.monotonic()
        for thread in threads.values():
            thread.cut_if_due(now_s)


def _hand(message: Adoption | Ask | Forget, threads: dict[str, SourceThread], outbox: Outbox) -> None:
    """Hand a message to the thread of its source, which the first one starts and the last one ends."""
    if message.source not in threads and not isinstance(message, Ask | Forget):
        threads[message.source] = SourceThread(message, outbox)
    threads[message.source].put(message)
    if isinstance(message, Forget):
        del threads[message.source]


def _wait_s(threads: dict[str, SourceThread]) -> float:
    """Seconds until the next deadline."""
    deadlines = [thread.deadline for thread in threads.values()]
    nearest = min((one for one in deadlines if one is not None), default=None)
    return _IDLE_S if nearest is None else max(0.0, nearest - time.monotonic())
