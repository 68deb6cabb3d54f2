"""A server on loopback, in a process of its own, that answers the openfaas queries with prepared bodies."""

import contextlib
import multiprocessing
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import orjson

from benchmarks.fleets import names


@contextlib.contextmanager
def dummy_prometheus(count: int) -> Iterator[str]:
    """Serve `count` functions for the length of a `with` block; gives the URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(count, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(count: int, connection: Connection) -> None:
    signal, proof = bodies(count)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = proof if "signal" in self.path else signal
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    connection.send(server.server_address[1])
    server.serve_forever()


def bodies(count: int) -> tuple[bytes, bytes]:
    """Give the answer to a signal (`count` series) and to `proof` (twice as many)."""
    labels = [f"{key.name}.{key.namespace}" for key in names(count)]

    def series(value: str, **more: str) -> list[dict[str, Any]]:
        return [{"metric": {"function_name": one, **more}, "value": [1_700_000_000.123, value]} for one in labels]

    whole = [
        {"metric": {"signal": signal}, "value": [1_700_000_000.123, value]}
        for signal, value in (("up", "1"), ("scrapes", "5"), ("ragged", "0"), ("resets", "0"))
    ]
    return _vector(series("10.016666666666667")), _vector(
        [*series("601", signal="moved"), *series("3", signal="alive"), *whole]
    )


def _vector(result: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})
