"""Calls at steady rates, as a gateway would count them, and the record of which rates those were."""

import threading
import time

from tests.cluster.faults.judging import Key, TrueLoad
from tests.servers.exporter import Exporter

_STEP_S = 0.05


class Traffic:
    """A thread that counts calls on an exporter; each call ends as soon as it begins.

    It counts by the time that really passed, so that a busy machine does not make the load fall.

    Attributes:
        truth: which rates there were since when.
    """

    def __init__(self, exporter: Exporter) -> None:
        self.truth = TrueLoad()
        self._exporter = exporter
        self._rates: dict[Key, float] = {}
        self._owed: dict[Key, float] = {}
        self._counted_s = time.monotonic()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def load(self, key: Key, per_s: float) -> None:
        """Have a function called at a constant rate from now on."""
        with self._lock:
            self._count()
            self._rates[key] = per_s
            self.truth.change(key, self._counted_s, per_s)

    def rate(self, key: Key) -> float:
        """Give the requests/s of a function now."""
        return self._rates.get(key, 0.0)

    def _run(self) -> None:
        while not self._stopping.wait(_STEP_S):
            with self._lock:
                self._count()

    def _count(self) -> None:
        now_s = time.monotonic()
        for key, per_s in self._rates.items():
            owed = self._owed.get(key, 0.0) + per_s * (now_s - self._counted_s)
            if owed >= 1:
                self._exporter.call(f"{key[1]}.{key[0]}", int(owed))
            self._owed[key] = owed % 1
        self._counted_s = now_s
