"""A real nginx on loopback with the published configuration, and the mtail that reads its access log."""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.mtail import Mtail, mtail
from tests.servers.process import Server, free_port, is_listening, running, wait_until
from tests.servers.published import GATEWAYS, published
from tests.servers.wake_forms import LoggingGateway, WakeForm, Wiring

WAKE_FORMS = (
    WakeForm("off-path", is_on_path=False),
    WakeForm("on-path", is_on_path=True),
    WakeForm("on-path-closed", is_on_path=True, awake_without_daemon=503),
)
"""The third is the second with `refuse` for calls that no daemon says anything about."""

_MAIN = """\
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  {paths}
  include {include};
}}
"""
_FUNCTION = '  "acme-prod/resize" resize.acme-prod.svc.cluster.local:8080;\n'
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx:
    """A running one.

    Attributes:
        url: where functions are called: `URL/function/NAME.NAMESPACE`.
        target: host and port of its metrics, which are mtail's.
        log: what it writes, and its mtail reads.
        mtail: what counts its calls.
    """

    def __init__(self, server: Server, port: int, log: Path, counter: Mtail) -> None:
        self._server = server
        self.log = log
        self._port = port
        self.mtail = counter
        self.url = f"http://127.0.0.1:{port}"
        self.target = counter.target

    def restart(self) -> None:
        """Kill it and start it anew; what counts its calls goes on."""
        self._server.kill()
        self._server.start()
        self._server.wait_for(lambda: is_listening(self._port))

    def rotate(self) -> None:
        """Rotate its log as logrotate does: rename it and tell nginx, which opens a new one."""
        self.log.replace(self.log.with_suffix(".log.1"))
        self._server.send(signal.SIGUSR1)
        wait_until(self.log.exists, "nginx to open a new log")


@contextlib.contextmanager
def nginx(folder: Path, functions: Mapping[str, str]) -> Iterator[Nginx]:
    """Run one for the length of a `with` block.

    Args:
        folder: where its configuration and logs go.
        functions: host and port of each function, by `NAMESPACE/NAME`.
    """
    program = require("nginx")
    port, log = free_port(), folder / "functions.log"
    replaced = {
        _FUNCTION: "".join(f'  "{name}" {address};\n' for name, address in functions.items()),
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/var/log/nginx/functions.log": str(log),
        "    resolver kube-dns.kube-system.svc.cluster.local valid=10s;\n": "",
    }
    (folder / "functions.conf").write_text(published("nginx/functions.conf", replaced))
    server = _server(program, folder, "functions.conf")
    with mtail(folder, "nginx", log) as counter, running(server, lambda: is_listening(port)):
        yield Nginx(server, port, log, counter)


@contextlib.contextmanager
def waking(form: WakeForm, wiring: Wiring, services: Mapping[str, str] | None = None) -> Iterator[LoggingGateway]:
    """Run a form that wakes functions for the length of a `with` block.

    Args:
        form: which.
        wiring: what a user fills in.
        services: what is replaced in `wake/services.conf`, which then stands for the map of names; None: the map.
    """
    folder, port = wiring.folder, free_port()
    program = require("nginx")
    conf = f"wake-{form.name.removesuffix('-closed')}.conf"
    replaced = {"listen 8080": f"listen 127.0.0.1:{port}", "/var/log/nginx": str(folder)}
    edited = _edited(form, wiring)
    if services is not None:
        replaced["wake/functions.conf;"] = "wake/services.conf;"
        edited["services.conf"] = services
    (folder / conf).write_text(published(f"nginx/{conf}", replaced))
    shutil.copytree(GATEWAYS / "nginx" / "wake", folder / "wake")
    for name, texts in edited.items():
        (folder / "wake" / name).write_text(published(f"nginx/wake/{name}", texts))
    with running(_server(program, folder, conf), lambda: is_listening(port)):
        yield LoggingGateway(port, folder / "functions.log")


def _edited(form: WakeForm, wiring: Wiring) -> dict[str, dict[str, str]]:
    """Give what a user edits: the texts that are replaced in each file of the folder `wake`."""
    daemons = [wiring.daemons[0], wiring.daemons[-1]]
    addresses = {f"autoscaler-{number}.example:8080": daemon for number, daemon in enumerate(daemons)}
    if form.name.endswith("-closed"):
        addresses["default pass"] = "default refuse"
    lines = "".join(f'  "{name}" {address};\n' for name, address in wiring.routes.items())
    return {
        "autoscaler.conf": addresses,
        "token.conf": {"TOKEN": wiring.token},
        "functions.conf": {'  "acme-prod/resize" 10.96.0.10:8080;\n': lines},
    }


def _server(program: Path, folder: Path, include: str) -> Server:
    paths = "\n  ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMPORARY)
    config = folder / "nginx.conf"
    # Workers of root would be `nobody`, who may not write long bodies into the test's folder.
    user = "user root;" if os.getuid() == 0 else ""
    config.write_text(_MAIN.format(folder=folder, paths=paths, user=user, include=include))
    return Server([program, "-c", config, "-e", "stderr"], folder / "nginx.log")
