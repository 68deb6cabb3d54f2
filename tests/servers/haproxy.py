"""A real HAProxy on loopback, with the published configuration."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.process import Server, free_port, is_listening, running
from tests.servers.published import published

_BACKEND = """\
backend acme-prod_resize
  http-request replace-path /function/[^/]+/?(.*) /\\1
  server service resize.acme-prod.svc.cluster.local:8080 resolvers cluster init-addr last,libc,none
"""


class HAProxy:
    """A running one.

    Attributes:
        url: where functions are called: `URL/function/NAME.NAMESPACE`.
        target: host and port of its metrics.
    """

    def __init__(self, server: Server, port: int, metrics_port: int) -> None:
        self._server = server
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self.target = f"127.0.0.1:{metrics_port}"

    def restart(self) -> None:
        """Kill it and start it anew."""
        self._server.kill()
        self._server.start()
        self._server.wait_for(lambda: is_listening(self._port))


@contextlib.contextmanager
def haproxy(folder: Path, functions: Mapping[str, str]) -> Iterator[HAProxy]:
    """Run one for the length of a `with` block.

    Args:
        folder: where its configuration and log go.
        functions: host and port of each function, by `NAMESPACE/NAME`.
    """
    program = require("haproxy")
    port, metrics_port = free_port(), free_port()
    backends = "\n".join(
        _BACKEND.replace("acme-prod_resize", name.replace("/", "_")).replace(
            "resize.acme-prod.svc.cluster.local:8080", address
        )
        for name, address in functions.items()
    )
    ports = {"bind :8080": f"bind 127.0.0.1:{port}", "bind :8405": f"bind 127.0.0.1:{metrics_port}"}
    config = folder / "haproxy.cfg"
    config.write_text(published("haproxy/haproxy.cfg", {_BACKEND: backends, **ports}))
    server = Server([program, "-db", "-f", config], folder / "haproxy.log")
    with running(server, lambda: is_listening(port) and is_listening(metrics_port)):
        yield HAProxy(server, port, metrics_port)
