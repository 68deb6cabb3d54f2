"""A page with the metrics of an OpenFaaS gateway that knows very many functions, for a real Prometheus to scrape."""

import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from autoscaler.core.fleet import FunctionKey

CALLED_BEFORE = 1_000
"""Calls that a function which is idle now had long ago."""

_STARTED = "gateway_function_invocation_started"
_TOTAL = "gateway_function_invocation_total"


class _Rate(NamedTuple):
    """A constant rate since a moment, and the calls counted before it."""

    per_s: float
    since_s: float
    before: int


class GatewayPage:
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
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = page.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "GatewayPage":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Host and port, as a scrape configuration wants it."""
        return f"127.0.0.1:{self._server.server_address[1]}"

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
