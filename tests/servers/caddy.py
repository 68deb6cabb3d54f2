"""A real Caddy on loopback with the published configuration, and the mtail that reads its access log."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.mtail import Mtail, mtail
from tests.servers.process import Server, free_port, is_listening, running
from tests.servers.published import published

_FUNCTION = "\t\t~^/function/resize[.]acme-prod(?:[/?].*)?$ resize.acme-prod.svc.cluster.local:8080\n"


class Caddy:
    """A running one.

    Attributes:
        url: where functions are called: `URL/function/NAME.NAMESPACE`.
        target: host and port of its metrics, which are mtail's.
        mtail: what counts its calls.
    """

    def __init__(self, server: Server, port: int, counter: Mtail) -> None:
        self._server = server
        self._port = port
        self.mtail = counter
        self.url = f"http://127.0.0.1:{port}"
        self.target = counter.target

    def restart(self) -> None:
        """Kill it and start it anew; what counts its calls goes on."""
        self._server.kill()
        self._server.start()
        self._server.wait_for(lambda: is_listening(self._port))


@contextlib.contextmanager
def caddy(folder: Path, functions: Mapping[str, str]) -> Iterator[Caddy]:
    """Run one for the length of a `with` block.

    Args:
        folder: where its configuration and logs go.
        functions: host and port of each function, by `NAMESPACE/NAME`.
    """
    program = require("caddy")
    port, log = free_port(), folder / "functions.log"
    replaced = {
        _FUNCTION: "".join(_line(*name.split("/"), address) for name, address in functions.items()),
        ":8080 {": f":{port} {{\n\tbind 127.0.0.1",
        "auto_https off": "auto_https off\n\tadmin off",
        "/var/log/caddy/functions.log": str(log),
    }
    config = folder / "Caddyfile"
    config.write_text(published("caddy/Caddyfile", replaced))
    # Nothing of it may end up in the home folder of who runs the tests.
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    server = Server([program, "run", "--config", config, "--adapter", "caddyfile"], folder / "caddy.log", own)
    with mtail(folder, "caddy", log) as counter, running(server, lambda: is_listening(port)):
        yield Caddy(server, port, counter)


def _line(namespace: str, name: str, address: str) -> str:
    return f"\t\t~^/function/{name}[.]{namespace}(?:[/?].*)?$ {address}\n"
