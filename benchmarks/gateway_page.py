"""A page with the metrics of an OpenFaaS gateway that knows very many functions, for a real Prometheus to scrape."""

import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from autoscaler.core.fleet import FunctionKey
from tests.servers.page import ServedPage

CALLED_BEFORE = 1_000
"""Calls that a function which is idle now had long ago."""

_STARTED = "gateway_function_invocation_started"
_TOTAL = "gateway_function_invocation_total"


class _Rate(NamedTuple):
    """A constant rate since a moment, and the calls counted before it."""

    per_s: float
    since_s: float
    before: int


class GatewayPage(ServedPage):
    """Serves the page on loopback from a thread, for the length of a `with` block.

    Every second function was called before, long ago; of the others the gateway has no counters until the first call.
    Calls end as soon as they begin.

    Args:
        keys: the functions.
    """

    def __init__(self, keys: Sequence[FunctionKey]) -> None:
        self._idle = {_label(key): _known(key, row % 2 == 0) for row, key in enumerate(keys)}
        self._rates: dict[str, _Rate] = {}
        self._called = {_label(key) for key in keys[::2]}
        self._lock = threading.Lock()
        super().__init__(self.text)

    def load(self, key: FunctionKey, per_s: float) -> None:
        """Have a function called at a constant rate from now on; its counters go on from where they are."""
        label, now_s = _label(key), time.monotonic()
        with self._lock:
            self._rates[label] = _Rate(per_s, now_s, self._count(label, now_s))

    def text(self) -> str:
        """Give the page as it stands."""
        with self._lock:
            now_s = time.monotonic()
            busy = {label: self._count(label, now_s) for label in self._rates}
        lines = {**self._idle, **{label: _exposed(label, count) for label, count in busy.items() if count > 0}}
        return "".join(lines.values()) + "process_start_time_seconds 1000\n"

    def _count(self, label: str, now_s: float) -> int:
        rate = self._rates.get(label)
        if rate is None:
            return CALLED_BEFORE if label in self._called else 0
        return rate.before + int(rate.per_s * (now_s - rate.since_s))


def selector(key: FunctionKey) -> str:
    """Give the PromQL selector of a function's counter of begun calls."""
    return f"{_STARTED}{{{_label(key)}}}"


def _label(key: FunctionKey) -> str:
    return f'function_name="{key.name}.{key.namespace}"'


def _known(key: FunctionKey, was_called: bool) -> str:
    label = _label(key)
    return _exposed(label, CALLED_BEFORE) if was_called else _service(label)


def _exposed(label: str, count: int) -> str:
    return f'{_STARTED}{{{label}}} {count}\n{_TOTAL}{{code="200",{label}}} {count}\n{_service(label)}'


def _service(label: str) -> str:
    return f"gateway_service_count{{{label}}} 1\n"
