"""A real HAProxy on loopback, with the published configurations."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.process import Server, free_port, is_listening, running
from tests.servers.published import GATEWAYS, published
from tests.servers.wake_forms import WakeForm, Wiring

WAKE_FORMS = (WakeForm("off-path", is_on_path=False),)

_BACKEND = """\
backend acme-prod_resize
  http-request replace-path /function/[^/]+/?(.*) /\\1
  server service resize.acme-prod.svc.cluster.local:8080 resolvers cluster init-addr last,libc,none
"""

_WAKEN = """\
backend acme-prod_resize from functions
  use-server service if TRUE
  server service resize.acme-prod.svc.cluster.local:8080 resolvers cluster init-addr last,libc,none
  server wake "${WAKE_SOCKETS}-acme-prod_resize"
listen woken:acme-prod_resize from woken
  bind "${WAKE_SOCKETS}-acme-prod_resize"
  http-request lua.wake acme-prod resize
  http-request use-service lua.refuse if { var(txn.wake_refused) -m bool }
  server service resize.acme-prod.svc.cluster.local:8080 resolvers cluster init-addr last,libc,none
"""


class HAProxy:
    """A running one.

    Attributes:
        url: where functions are called: `URL/function/NAME.NAMESPACE`.
        port: of the same.
        target: host and port of its metrics.
    """

    def __init__(self, server: Server, port: int, metrics_port: int) -> None:
        self._server = server
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.target = f"127.0.0.1:{metrics_port}"

    def restart(self) -> None:
        """Kill it and start it anew."""
        self._server.kill()
        self._server.start()
        self._server.wait_for(lambda: is_listening(self.port))


@contextlib.contextmanager
def haproxy(folder: Path, functions: Mapping[str, str]) -> Iterator[HAProxy]:
    """Run one for the length of a `with` block.

    Args:
        folder: where its configuration and log go.
        functions: host and port of each function, by `NAMESPACE/NAME`.
    """
    with _run(folder, "haproxy.cfg", {_BACKEND: _sections(_BACKEND, functions)}) as one:
        yield one


@contextlib.contextmanager
def waking(form: WakeForm, wiring: Wiring) -> Iterator[HAProxy]:
    """Run a form that wakes functions for the length of a `with` block."""
    token = wiring.folder / "autoscaler.token"
    token.write_text(wiring.token + "\n")
    # Sockets without a file belong to the machine, which other tests use too.
    sockets = hashlib.sha256(str(wiring.folder).encode()).hexdigest()[:12]
    replaced = {
        "abns@wake": f"abns@{sockets}",
        _WAKEN: _sections(_WAKEN, wiring.routes),
        "autoscaler-1.example:8080": wiring.daemons[0],
        "autoscaler-2.example:8080": wiring.daemons[-1],
        "/etc/haproxy/autoscaler.token": str(token),
        "/etc/haproxy/wake.lua": str(GATEWAYS / "haproxy" / "wake.lua"),
    }
    with _run(wiring.folder, f"wake-{form.name}.cfg", replaced) as one:
        yield one


@contextlib.contextmanager
def _run(folder: Path, name: str, replaced: Mapping[str, str]) -> Iterator[HAProxy]:
    """Run one with a published file, in which these texts and the ports are replaced."""
    port, metrics_port = free_port(), free_port()
    ports = {"bind :8080": f"bind 127.0.0.1:{port}", "bind :8405": f"bind 127.0.0.1:{metrics_port}"}
    config = folder / "haproxy.cfg"
    config.write_text(published(f"haproxy/{name}", {**replaced, **ports}))
    server = Server([require("haproxy"), "-db", "-f", config], folder / "haproxy.log")
    with running(server, lambda: is_listening(port) and is_listening(metrics_port)):
        yield HAProxy(server, port, metrics_port)


def _sections(one: str, functions: Mapping[str, str]) -> str:
    """Give what a user writes for one function, for each of these."""
    return "\n".join(
        one.replace("acme-prod_resize", name.replace("/", "_"))
        .replace("acme-prod resize", name.replace("/", " "))
        .replace("resize.acme-prod.svc.cluster.local:8080", address)
        for name, address in functions.items()
    )
