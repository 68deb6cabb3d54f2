"""A gateway's page on loopback, in a process of its own, on which the counters of very many functions rise steadily."""

import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.fleets import names

_RATES = 16
"""Different rates there are: 1 to 16 requests/s."""


@contextlib.contextmanager
def busy_gateway(count: int) -> Iterator[str]:
    """Serve `count` functions for the length of a `with` block; gives host and port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(count, theirs), daemon=True)
    process.start()
    try:
        yield f"127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(count: int, connection: Connection) -> None:
    template, begun_s = _template(count), time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = template
            for rate in range(_RATES):
                text = text.replace(_place(rate), str(int((rate + 1) * (time.monotonic() - begun_s)) + 1))
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    connection.send(server.server_address[1])
    server.serve_forever()


def _template(count: int) -> str:
    lines = ["process_start_time_seconds 1000\n"]
    for row, key in enumerate(names(count)):
        label, place = f'function_name="{key.name}.{key.namespace}"', _place(row % _RATES)
        lines.append(f"gateway_function_invocation_started{{{label}}} {place}\n")
        lines.append(f'gateway_function_invocation_total{{code="200",{label}}} {place}\n')
        lines.append(f"gateway_service_count{{{label}}} 3\n")
    return "".join(lines)


def _place(rate: int) -> str:
    return f"@{rate:02d}@"
