"""Calls at steady rates, as a gateway would count them."""

import threading
import time

from tests.servers.exporter import Exporter

_STEP_S = 0.05


class Traffic:
    """A thread that counts calls on an exporter; rates change at any time.

    Attributes:
        rates: calls per second by function name; calls end as soon as they begin.
    """

    def __init__(self, exporter: Exporter) -> None:
        self.rates: dict[str, float] = {}
        self._exporter = exporter
        self._owed: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        before_s = time.monotonic()
        while not self._stopping.wait(_STEP_S):
            # By the clock, not by the step: on a busy machine a step takes longer, and the rate must not fall with that.
            now_s = time.monotonic()
            passed_s, before_s = now_s - before_s, now_s
            for name, rate in list(self.rates.items()):
                owed = self._owed.get(name, 0.0) + rate * passed_s
                if owed >= 1:
                    self._exporter.call(name, int(owed))
                self._owed[name] = owed % 1
