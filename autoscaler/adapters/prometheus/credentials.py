"""Who we say we are, and whom we believe: from files as they are now, since they are rotated under us."""

import ssl
from pathlib import Path
from typing import NamedTuple

from autoscaler.adapters.prometheus.errors import ConnectError
from autoscaler.policy.source_settings import SourceSettings, TLSSettings

Stamp = tuple[tuple[int, int, int, int], ...]
"""What tells one state of some files from another."""


class Credentials(NamedTuple):
    """What goes with each query: headers and basic authentication."""

    headers: dict[str, str]
    auth: tuple[str, str] | None


class Trust(NamedTuple):
    """What a connection is made with, as `requests` takes it: the CA bundle, and the client's certificate."""

    verify: str | bool
    cert: tuple[str, str] | str | None


def credentials(settings: SourceSettings) -> Credentials:
    """Give what goes with the next query.

    Raises:
        ConnectError: a file cannot be read.
    """
    headers, auth = dict(settings.headers), None
    if settings.bearer_token_file is not None:
        headers["Authorization"] = f"Bearer {_secret(settings.bearer_token_file, 'bearerTokenFile')}"
    if settings.password_file is not None:
        auth = (settings.username or "", _secret(settings.password_file, "passwordFile"))
    return Credentials(headers, auth)


def stamp(tls: TLSSettings) -> Stamp:
    """Tell the files' state: another one means other connections.

    A mounted Secret changes by a link to another folder, a file that is written over by its times and size.

    Raises:
        ConnectError: a file is not there.
    """
    found = []
    for setting, path in _files(tls):
        try:
            state = Path(path).stat()
        except OSError:
            raise ConnectError(f"{setting} cannot be read") from None
        found.append((state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size))
    return tuple(found)


def trust(tls: TLSSettings) -> Trust:
    """Give what the next connection is made with, once it is known to be usable.

    Raises:
        ConnectError: a file holds no certificate, no key, or not the key of the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one reads the system's bundle: 20 ms a source
    if tls.ca_file is not None:
        try:
            context.load_verify_locations(tls.ca_file)
        except (ssl.SSLError, OSError):
            raise ConnectError("tls.caFile holds no certificates in PEM") from None
    if tls.cert_file is not None:
        try:
            # A key that asks for a password would have the worker read one from the terminal.
            context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "")
        except (ssl.SSLError, OSError):
            raise ConnectError(
                "tls.certFile and tls.keyFile hold no certificate and its key, in PEM, without a password"
            ) from None
    return Trust(_verify(tls), _certificate(tls))


def _files(tls: TLSSettings) -> list[tuple[str, str]]:
    named = (("tls.caFile", tls.ca_file), ("tls.certFile", tls.cert_file), ("tls.keyFile", tls.key_file))
    return [(setting, path) for setting, path in named if path is not None]


def _secret(path: str, setting: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConnectError(f"{setting} cannot be read") from None


def _verify(tls: TLSSettings) -> str | bool:
    """Give the CA bundle: the one set, the system's, or the one that comes with the library."""
    paths = ssl.get_default_verify_paths()
    return tls.ca_file or paths.cafile or paths.capath or True


def _certificate(tls: TLSSettings) -> tuple[str, str] | str | None:
    if tls.cert_file is None:
        return None
    return (tls.cert_file, tls.key_file) if tls.key_file is not None else tls.cert_file
