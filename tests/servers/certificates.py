"""Certificates for tests: an authority, and what it signs, by openssl."""

import ssl
import subprocess
from pathlib import Path

from tests.servers.binaries import require

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Pair:
    """A certificate and its key."""

    def __init__(self, folder: Path, name: str) -> None:
        self.certificate = folder / f"{name}.crt"
        self.key = folder / f"{name}.key"

    def put(self, certificate: Path, key: Path) -> None:
        """Put them in the place of others, each at once, as a mounted Secret changes."""
        for source, target in ((self.certificate, certificate), (self.key, key)):
            replace(target, source.read_bytes())


class Authority:
    """An authority with a folder of its own, which it may share with others of another name."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.name = name
        self.certificate = folder / f"{name}.crt"
        self._signed = 0
        _openssl(folder, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2", "-subj",
                 f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")  # fmt: skip

    def sign(self, *names: str, days: int = 2, usage: str = "serverAuth,clientAuth") -> Pair:
        """Sign a new key for names such as `DNS:localhost`."""
        self._signed += 1
        pair = Pair(self.folder, f"{self.name}-{self._signed}")
        stem = pair.certificate.stem
        more = f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
        more += f"subjectAltName={','.join(names)}\n" if names else ""
        (self.folder / f"{stem}.ext").write_text(more)
        _openssl(self.folder, "req", *KEY, "-keyout", pair.key.name, "-out", f"{stem}.csr", "-subj", f"/CN={stem}")
        _openssl(self.folder, "x509", "-req", "-in", f"{stem}.csr", "-CA", f"{self.name}.crt", "-CAkey",
                 f"{self.name}.key", "-set_serial", str(1000 + self._signed), "-days", str(days), "-out",
                 pair.certificate.name, "-extfile", f"{stem}.ext")  # fmt: skip
        return pair

    def locked(self, pair: Pair) -> Path:
        """Put a pair's key under a password, in a file beside it."""
        path = pair.key.with_suffix(".locked")
        _openssl(self.folder, "pkey", "-in", pair.key.name, "-aes256", "-passout", "pass:word", "-out", path.name)
        return path

    def trust(self, client: Pair | None = None) -> ssl.SSLContext:
        """Give a client's context that believes this authority, with a certificate of its own where one is given."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if client is not None:
            context.load_cert_chain(client.certificate, client.key)
        return context


def replace(path: Path, content: bytes) -> None:
    """Put a file's content in the place of another at once."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run([require("openssl"), *arguments], cwd=folder, check=True, capture_output=True)
