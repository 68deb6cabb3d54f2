"""What stands behind a test's gateway: a function that counts what reaches it and can be slow, or fail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_LONGEST_S = 120.0


class Upstream:
    """One function, served from threads on loopback.

    `?code=500` in a path is the status of the answer. A call to a path that ends in `/held` is answered once
    `release` was called.

    Attributes:
        received: methods and paths, without queries, of calls so far, in order of arrival.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, str]] = []
        self._released = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            do_PUT = do_DELETE = do_POST

            def _answer(self, body: bytes) -> None:
                path, _, query = self.path.partition("?")
                upstream.received.append((self.command, path))
                if path.endswith("/held"):
                    upstream._released.wait(_LONGEST_S)
                self.send_response(int(query.removeprefix("code=")) if query.startswith("code=") else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing of a gateway that hung up."""

        self.server = Server(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        """Host and port, as a gateway's configuration wants it."""
        return f"127.0.0.1:{self.server.server_address[1]}"

    def release(self) -> None:
        """Answer what is held, and from now on at once."""
        self._released.set()

    def hold(self) -> None:
        """Hold calls to `/held` again."""
        self._released.clear()


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Run a function for the length of a `with` block."""
    function = Upstream()
    thread = threading.Thread(target=function.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield function
    finally:
        function.release()
        function.server.shutdown()
        function.server.server_close()
        thread.join()
