"""The worker process: a thread per source, and a watch that cuts what is open at its deadline."""

import gc
import signal
import threading
import time
from multiprocessing.connection import Connection
from queue import SimpleQueue

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.messages import Adopt, Answer, Ask, FromWorker, Ready, ToWorker
from autoscaler.adapters.prometheus.reading import Reader
from autoscaler.adapters.prometheus.transport import Lines

_IDLE_S = 3600.0


class Outbox:
    """The way back to the daemon, shared by all threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: FromWorker) -> None:
        """Send one message whole."""
        with self._lock:
            self._connection.send(message)


class SourceThread:
    """Reads one source in a thread of its own, so that one that hangs holds up nobody."""

    def __init__(self, adopt: Adopt, outbox: Outbox) -> None:
        self._lines = Lines()
        self._reader = Reader(adopt.settings, self._lines)
        self._outbox = outbox
        self._inbox: SimpleQueue[ToWorker] = SimpleQueue()
        self.deadline: float | None = None
        threading.Thread(target=self._run, name=adopt.source, daemon=True).start()

    def put(self, message: ToWorker) -> None:
        """Hand over a message; an `Ask` starts its deadline now."""
        if isinstance(message, Ask):
            self.deadline = time.monotonic() + message.timeout_s
        self._inbox.put(message)

    def cut_if_due(self, now_s: float) -> None:
        """End the source's connections when its deadline is past."""
        if self.deadline is not None and now_s >= self.deadline:
            self.deadline = None
            self._lines.cut()

    def _run(self) -> None:
        while True:
            message = self._inbox.get()
            if isinstance(message, Adopt):
                self._reader.adopt(message)
            else:
                answer = self._read(message)
                self.deadline = None
                self._outbox.send(answer)
                gc.collect()

    def _read(self, ask: Ask) -> Answer:
        start = time.monotonic()
        series, error, is_sick = 0, None, False
        try:
            series, error = self._reader.read(ask)
        except SourceError as failure:
            error, is_sick = str(failure), True
        return Answer(ask.source, ask.number, self._reader.version, series, time.monotonic() - start, error, is_sick)


def main(connection: Connection) -> None:
    """Serve the daemon until it closes the connection or ends."""
    gc.disable()  # a third of the parse would go into it: each thread collects after its answer is out
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
            if isinstance(message, Adopt) and message.source not in threads:
                threads[message.source] = SourceThread(message, outbox)
            threads[message.source].put(message)
        now_s = time.monotonic()
        for thread in threads.values():
            thread.cut_if_due(now_s)


def _wait_s(threads: dict[str, SourceThread]) -> float:
    """Seconds until the next deadline."""
    deadlines = [thread.deadline for thread in threads.values()]
    nearest = min((one for one in deadlines if one is not None), default=None)
    return _IDLE_S if nearest is None else max(0.0, nearest - time.monotonic())
