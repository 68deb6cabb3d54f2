"""A small real exporter with the OpenFaaS gateway's metric names, whose counters tests set."""

import threading
import time
from collections import defaultdict

from tests.servers.page import ServedPage


class Exporter(ServedPage):
    """Serves `/metrics` from a thread, on loopback or another address of this machine.

    As with the gateway, counters are born with the first call, and a call is counted under the name that the
    caller wrote, so `figlet` and `figlet.openfaas-fn` are two series.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, float] = defaultdict(float)
        self._process_start_s = 1_000.0
        self._steady: dict[tuple[str, int], tuple[float, float]] = {}
        self.is_broken = False
        super().__init__(self.text, lambda: 503 if self.is_broken else 200, host)

    def text(self) -> str:
        """Give the exposition as it stands."""
        with self._lock:
            started: dict[str, float] = defaultdict(float)
            for (name, code), (per_s, since_s) in self._steady.items():
                calls = float(int((time.monotonic() - since_s) * per_s))
                self._counts[f'gateway_function_invocation_total{{code="{code}",function_name="{name}"}}'] = calls
                started[f'gateway_function_invocation_started{{function_name="{name}"}}'] += calls
            self._counts.update(started)
            lines = [f"{series} {value:g}" for series, value in self._counts.items()]
            lines.append(f"process_start_time_seconds {self._process_start_s:.3f}")
        return "\n".join(lines) + "\n"

    def start(self, name: str, calls: int = 1) -> None:
        """Count calls that begin, under the name as the caller wrote it."""
        with self._lock:
            self._counts[f'gateway_function_invocation_started{{function_name="{name}"}}'] += calls

    def finish(self, name: str, calls: int = 1, code: int = 200) -> None:
        """Count calls that end."""
        with self._lock:
            self._counts[f'gateway_function_invocation_total{{code="{code}",function_name="{name}"}}'] += calls

    def call(self, name: str, calls: int = 1) -> None:
        """Count calls that begin and end at once."""
        self.start(name, calls)
        self.finish(name, calls)

    def load(self, name: str, per_s: float, code: int = 200) -> None:
        """Have a function called at a constant rate from now on, each call ending at once; each code has its own rate."""
        with self._lock:
            self._steady[name, code] = (per_s, time.monotonic())

    def know(self, name: str, replicas: int = 0) -> None:
        """Have the gateway know a function, called or not."""
        self.set(f'gateway_service_count{{function_name="{name}"}}', replicas)

    def set(self, series: str, value: float) -> None:
        """Set any series."""
        with self._lock:
            self._counts[series] = value

    def restart(self) -> None:
        """Start anew as the gateway does: counters are gone until their next call; constant load goes on."""
        with self._lock:
            for series in [one for one in self._counts if one.startswith("gateway_function_invocation")]:
                del self._counts[series]
            self._steady = {which: (per_s, time.monotonic()) for which, (per_s, _) in self._steady.items()}
            self._process_start_s += 1_000
