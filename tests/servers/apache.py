"""A real Apache on loopback with the published configuration that wakes functions."""

import contextlib
import grp
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.process import Server, free_port, is_listening, running
from tests.servers.published import GATEWAYS, published
from tests.servers.wake_forms import LoggingGateway, WakeForm, Wiring

WAKE_FORMS = (
    WakeForm("off-path", is_on_path=False, sees_hang_ups=False),
    WakeForm("on-path", is_on_path=True, sees_hang_ups=False),
    WakeForm("on-path-closed", is_on_path=True, awake_without_daemon=503, sees_hang_ups=False),
)
"""The third is the second with `refuse` for calls that no daemon says anything about."""

_MODULES = Path("/usr/lib/apache2/modules")
_NEEDED = {
    "off-path": "alias headers lbmethod_byrequests macro proxy proxy_balancer proxy_http setenvif slotmem_shm",
    "on-path": "alias headers lua macro proxy proxy_http setenvif",
}
_MAIN = """\
# What Debian's apache2.conf does, as far as it matters here.
ServerRoot {folder}
ServerName functions
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
User www-data
Group www-data
{modules}
RequestReadTimeout header=20-40,minrate=500 body=20,minrate=500
StartServers 6
ServerLimit 32
ThreadLimit 64
ThreadsPerChild 64
MaxRequestWorkers 2048
Include {include}
"""
_FUNCTION = "Use Function resize acme-prod 10.96.0.10:8080\n"
_GROUP = "www-data"


@contextlib.contextmanager
def waking(form: WakeForm, wiring: Wiring) -> Iterator[LoggingGateway]:
    """Run a form that wakes functions for the length of a `with` block."""
    program = require("apache2")
    kind = form.name.removesuffix("-closed")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(_readable()))
        log, port, standby = wiring.folder / "functions.log", free_port(), free_port()
        paths = {"/var/log/apache2/functions.log": str(log)}
        if kind == "off-path":
            paths["127.0.0.1:8009"] = f"127.0.0.1:{standby}"
            _write_standby(folder, wiring, standby)
        paths |= {"Listen 8080": f"Listen 127.0.0.1:{port}", "*:8080": f"127.0.0.1:{port}"}
        (folder / f"wake-{kind}.conf").write_text(published(f"apache/wake-{kind}.conf", paths))
        _write_edited(folder, form, wiring)
        config = folder / "apache2.conf"
        names = ["mpm_event", "authz_core", "reqtimeout", *_NEEDED[kind].split()]
        modules = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in names)
        config.write_text(_MAIN.format(folder=folder, modules=modules, include=f"wake-{kind}.conf"))
        if kind == "off-path":
            second = _server(program, folder, folder / "wake-standby.conf", wiring.folder / "standby.log")
            stack.enter_context(running(second, lambda: is_listening(standby)))
        server = _server(program, folder, config, wiring.folder / "apache.log")
        stack.enter_context(running(server, lambda: is_listening(port)))
        yield LoggingGateway(port, log)


def _write_standby(folder: Path, wiring: Wiring, port: int) -> None:
    paths = {
        "127.0.0.1:8009": f"127.0.0.1:{port}",
        "/run/apache2-wake.pid": str(folder / "standby.pid"),
        "/var/log/apache2/wake.log": str(wiring.folder / "wake.log"),
    }
    (folder / "wake-standby.conf").write_text(published("apache/wake-standby.conf", paths))


def _write_edited(folder: Path, form: WakeForm, wiring: Wiring) -> None:
    """Write the folder `wake` as a user does: addresses, names and the token."""
    shutil.copytree(GATEWAYS / "apache" / "wake", folder / "wake")
    texts = {
        "autoscaler-0.example:8080": wiring.daemons[0],
        "autoscaler-1.example:8080": wiring.daemons[-1],
        "/etc/apache2/wake": str(folder / "wake"),
    }
    if form.name.endswith("-closed"):
        texts["wake_unanswered pass"] = "wake_unanswered refuse"
    (folder / "wake" / "autoscaler.conf").write_text(published("apache/wake/autoscaler.conf", texts))
    lines = "".join(_line(*name.split("/"), address) for name, address in wiring.routes.items())
    (folder / "wake" / "functions.conf").write_text(published("apache/wake/functions.conf", {_FUNCTION: lines}))
    token = folder / "wake" / "token"
    token.write_text(published("apache/wake/token", {"TOKEN": wiring.token}))
    token.chmod(0o640)
    if os.getuid() == 0:
        os.chown(token, -1, grp.getgrnam(_GROUP).gr_gid)


def _line(namespace: str, name: str, address: str) -> str:
    return f"Use Function {name} {namespace} {address}\n"


@contextlib.contextmanager
def _readable() -> Iterator[str]:
    """Make a folder that Apache's own user may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="apache-") as folder:
        Path(folder).chmod(0o755)
        yield folder


def _server(program: Path, folder: Path, config: Path, log: Path) -> Server:
    return Server([program, "-D", "FOREGROUND", "-d", folder, "-f", config], log)
