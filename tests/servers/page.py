"""A page of metrics on an address of this machine, for a real Prometheus to scrape."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class ServedPage:
    """Serves a page from a thread for the length of a `with` block, whatever path is asked for.

    Args:
        text: gives the page as it stands.
        status: gives the status that it is answered with.
        host: where it listens.
        content_type: what it says the page is.
    """

    def __init__(
        self,
        text: Callable[[], str],
        status: Callable[[], int] = lambda: 200,
        host: str = "127.0.0.1",
        content_type: str = "text/plain; version=0.0.4",
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = text().encode()
                self.send_response(status())
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Host and port, as a scrape configuration wants it."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"
