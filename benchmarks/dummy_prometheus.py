"""A server on loopback, in a process of its own, that answers the openfaas queries with prepared bodies."""

import contextlib
import multiprocessing
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import orjson

from autoscaler.core.fleet import FunctionKey
from benchmarks.fleets import names


@contextlib.contextmanager
def dummy_prometheus(count: int, parts: int = 1) -> Iterator[str]:
    """Serve `count` functions for the length of a `with` block; gives the URL.

    Args:
        count: functions in all.
        parts: servers that it stands for, each with its share of the functions, below the paths `/0`, `/1` and so on.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(count, parts, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(count: int, parts: int, connection: Connection) -> None:
    keys = names(count)
    prepared = [bodies(keys[part * count // parts : (part + 1) * count // parts]) for part in range(parts)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the acknowledgement of its headers

        def do_GET(self) -> None:
            signal, proof = prepared[int(self.path.split("/", 2)[1]) if parts > 1 else 0]
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


def bodies(keys: Sequence[FunctionKey]) -> tuple[bytes, bytes]:
    """Give the answer to a signal (a series for each function) and to `proof` (twice as many)."""
    labels = [f"{key.name}.{key.namespace}" for key in keys]

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
