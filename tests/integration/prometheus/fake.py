"""A small HTTP server for the answers that a real Prometheus will not give."""

import json
import ssl
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Reply = Callable[[BaseHTTPRequestHandler], None]


class FakePrometheus:
    """Answers every query with what `reply` does; counts queries and keeps their headers."""

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None) -> None:
        self.reply = reply
        self.requests: list[dict[str, Any]] = []
        self.released = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer waits 40 ms for the acknowledgement of its headers

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                fake.requests.append({"headers": dict(self.headers), "path": urlsplit(self.path).path, "query": query})
                try:
                    fake.reply(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "http"
        if tls is not None:
            self._scheme = "https"
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "FakePrometheus":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"


def asked(handler: BaseHTTPRequestHandler) -> str:
    """Give the query that was asked."""
    return parse_qs(urlsplit(handler.path).query)["query"][0]


def body(handler: BaseHTTPRequestHandler, content: bytes, status: int = 200, **headers: str) -> None:
    """Send one whole answer."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def document(handler: BaseHTTPRequestHandler, value: object, status: int = 200, **headers: str) -> None:
    """Send JSON."""
    body(handler, json.dumps(value).encode(), status, **headers)


def answer(handler: BaseHTTPRequestHandler, name: str = "steady.fn") -> list[dict[str, Any]]:
    """Give what a healthy Prometheus would: 10 requests/s, 3 in flight, all covered, for one function."""
    text = asked(handler)
    own = {"function_name": name}
    if "signal" in text:
        return [
            sample(500, signal="moved", **own),
            sample(2, signal="alive", **own),
            sample(1, signal="up"),
            sample(5, signal="scrapes"),
            sample(0, signal="ragged"),
            sample(0, signal="resets"),
        ]
    return [sample(10 if "rate(" in text else 3, **own)]


def sample(value: object, **labels: str) -> dict[str, Any]:
    """Give one element of a vector."""
    return {"metric": labels, "value": [1_700_000_000.0, str(value)]}


def vector(result: Iterable[dict[str, Any]], **more: object) -> dict[str, Any]:
    """Give a successful answer."""
    return {"status": "success", "data": {"resultType": "vector", "result": list(result)}, **more}


def healthy(handler: BaseHTTPRequestHandler) -> None:
    """Answer as a healthy Prometheus."""
    document(handler, vector(answer(handler)))
