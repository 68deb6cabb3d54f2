"""TLS of the main listener: certificate, key and the clients' authority come from files, and anew when these change."""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from autoscaler.policy.settings import ServerTLSSettings

MOST_BYTES = 1 << 20
"""Of each file: a bundle of a hundred authorities has a fifth of it."""

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: one that has ended can be looked at all the same."""


class CertificateError(ValueError):
    """Files of which no TLS can be made; the message says which, what is wrong, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the files of `tls` hold.

    Attributes:
        certificate: PEM, the server's own first.
        key: PEM.
        client_authorities: PEM; None: clients are asked for no certificate.
    """

    certificate: str
    key: str = field(repr=False)
    client_authorities: str | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is served.

    Attributes:
        files: what it was made of.
        context: for the listener.
        dns_names: names that it is for.
        not_after_s: UTC seconds at which it ends.
    """

    files: Files
    context: ssl.SSLContext
    dns_names: tuple[str, ...]
    not_after_s: float


Install = Callable[[ssl.SSLContext], Awaitable[None]]


class Certificates:
    """The certificate in force; what cannot be used never takes its place.

    Args:
        settings: where the files are.

    Attributes:
        current: the one in force.
        previous: the one before, which other daemons may still have; None: there was none.
        problem: why the files as they are now are not in force; None: they are.
        reloads: how often another one came into force.
        failures: how often files came that cannot be used.

    Raises:
        CertificateError: the files cannot be used at the start.
    """

    def __init__(self, settings: ServerTLSSettings) -> None:
        self._settings = settings
        self.current = load(settings)
        self.previous: Certificate | None = None
        self.problem: str | None = None
        self.reloads = 0
        self.failures = 0

    async def refresh(self, install: Install) -> bool:
        """Read the files again, and put what they hold into force where that is another; True: it was, and is.

        Args:
            install: hands the listener its next context.
        """
        try:
            if await asyncio.to_thread(read, self._settings) == self.current.files:
                self._end_problem()
                return False
            found = await asyncio.to_thread(load, self._settings)
            await install(found.context)
        except CertificateError as error:
            self._fail(str(error))
            return False
        except OSError as error:
            self._fail(f"tls: the listener cannot take another certificate now: {error.strerror}")
            return False
        self.previous, self.current = self.current, found
        self.reloads += 1
        self._end_problem()
        _log.info("certificate changed", not_after_utc_s=found.not_after_s)
        return True

    def trouble(self, utc_s: float) -> str | None:
        """Say what is wrong with what is served at a time; None: nothing.

        Args:
            utc_s: now, UTC seconds.
        """
        if self.problem is not None:
            return f"{self.problem}; the certificate of before is served"
        return "tls.certFile: the certificate has ended" if utc_s >= self.current.not_after_s else None

    def _fail(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self.failures += 1
            _log.warning("certificate cannot be used, the one of before is served", problem=problem)

    def _end_problem(self) -> None:
        self.problem = None


def read(settings: ServerTLSSettings) -> Files:
    """Read the files.

    Raises:
        CertificateError: one cannot be read.
    """
    authorities = settings.client_ca_file
    return Files(
        _text("tls.certFile", settings.cert_file),
        _text("tls.keyFile", settings.key_file),
        _text("tls.clientCAFile", authorities) if authorities is not None else None,
    )


def load(settings: ServerTLSSettings) -> Certificate:
    """Make what the files say, aside of what is in force, and try it with a handshake in memory.

    Raises:
        CertificateError: they cannot be used.
    """
    files = read(settings)
    context = _serving(settings, files)
    if read(settings) != files:
        raise CertificateError("tls: the files change while they are read; allowed: files that stay as they are")
    own = _looked_at(context, files)
    names = tuple(value.lower() for kind, value in own.get("subjectAltName", ()) if kind == "DNS")
    return Certificate(files, context, names, ssl.cert_time_to_seconds(str(own["notAfter"])))


def certificates(text: str) -> list[str]:
    """Give the certificates of a file, each PEM; the first of a chain is the server's own."""
    return _CERTIFICATE.findall(text)


def _serving(settings: ServerTLSSettings, files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A key under a password would else be asked for at the terminal.
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")
    except (ssl.SSLError, ValueError, OSError) as error:
        allowed = "a certificate with its chain, and its own unencrypted key, both PEM"
        raise CertificateError(
            f"tls.certFile, tls.keyFile: they cannot be used ({_why(error)}); allowed: {allowed}"
        ) from None
    if files.client_authorities is not None:
        # Optional, so that probes and callers with a token need none; one that is shown must be theirs all the same.
        context.verify_mode = ssl.CERT_OPTIONAL
        _trust(context, files.client_authorities)
    return context


def _trust(context: ssl.SSLContext, authorities: str) -> None:
    try:
        context.load_verify_locations(cadata="\n".join(certificates(authorities)))
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError(
            f"tls.clientCAFile: it cannot be used ({_why(error)}); allowed: certificates, PEM"
        ) from None


def _looked_at(serving: ssl.SSLContext, files: Files) -> dict[str, Any]:
    """Shake hands with ourselves: a pair that nobody could be served with is found out before it is in force."""
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        asking.load_verify_locations(cadata=certificates(files.certificate)[0])
        client = asking.wrap_bio(to_client, to_server)
        server = serving.wrap_bio(to_server, to_client, server_side=True)
        _shake(client, server)
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError(
            f"tls.certFile: no client can be served with it ({_why(error)}); allowed: a server's certificate"
        ) from None
    return dict(client.getpeercert() or {})


def _shake(*ends: ssl.SSLObject) -> None:
    waiting = list(ends)
    for _ in range(10):  # two flights each way are enough
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            return
    raise ValueError("the handshake does not end")


def _text(where: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CertificateError(f"{where}: {path} cannot be read ({error.strerror}); allowed: a PEM file") from None
    if len(content) > MOST_BYTES:
        raise CertificateError(f"{where}: {path} is too large; allowed: a PEM file of at most {MOST_BYTES} bytes")
    return content.decode("latin-1")  # between the parts that count there may be words in any encoding


def _why(error: Exception) -> str:
    """Say what OpenSSL says without the place in its sources; never anything of a key."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return type(error).__name__


_log = structlog.get_logger("autoscaler.server")
