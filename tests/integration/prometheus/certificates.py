"""The files of a source with TLS, as they lie in a folder."""

import ssl
import subprocess
from pathlib import Path

from tests.servers.binaries import require
from tests.servers.certificates import Authority


def certificates(folder: Path) -> Authority:
    """Make an authority, and a server's and a client's certificate of it: `ca`, `server`, `client`, `.crt` and `.key`."""
    folder.mkdir(exist_ok=True)
    authority = Authority(folder)
    authority.sign("IP:127.0.0.1").put(folder / "server.crt", folder / "server.key")
    new_client(authority, folder)
    return authority


def new_client(authority: Authority, folder: Path) -> None:
    """Put another certificate of the client in the place of the one that is there."""
    authority.sign(usage="clientAuth").put(folder / "client.crt", folder / "client.key")


def openssl(folder: Path, command: str) -> str:
    """Run openssl in a folder; gives what it printed."""
    done = subprocess.run(
        [require("openssl"), *command.split()], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def server_context(folder: Path) -> ssl.SSLContext:
    """Give a server's side, which wants a client's certificate of the folder's authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context
