"""TLS of the main listener, over real sockets: what it refuses, and files that change under way."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from autoscaler.policy.settings import ServerTLSSettings
from autoscaler.server.app import build, build_metrics
from autoscaler.server.run import Address, serve
from autoscaler.server.tls import CertificateError, Certificates
from tests.integration.http.fakes import ACME, FakeAutoscaling, HandClock
from tests.servers.certificates import Authority, Pair, replace
from tests.servers.process import PATIENCE

NAMES = ("DNS:localhost", "DNS:autoscaler.example", "IP:127.0.0.1")
LOOK_S = 0.02


@dataclass
class Secured:
    """A listener with TLS, its files, and the authority that signed them."""

    authority: Authority
    settings: ServerTLSSettings
    certificates: Certificates
    service: FakeAutoscaling
    address: Address
    metrics: Address

    def ask(self, session: aiohttp.ClientSession, path: str, trust: ssl.SSLContext, token: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return session.get(f"https://127.0.0.1:{self.address.port}{path}", ssl=trust, headers=headers)

    async def status(self, path: str, trust: ssl.SSLContext, token: str | None = None) -> int:
        """Ask over a new connection and give the status."""
        async with aiohttp.ClientSession() as session, self.ask(session, path, trust, token) as answer:
            return int(answer.status)

    async def served(self) -> bytes:
        """Give the certificate that a new connection is served, DER."""
        blind = ssl.create_default_context()
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection(self.address.host, self.address.port, ssl=blind)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()
        return bytes(certificate)

    def put(self, pair: Pair) -> None:
        pair.put(Path(self.settings.cert_file), Path(self.settings.key_file))


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30 * PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def files(folder: Path, pair: Pair, authority: Authority | None) -> ServerTLSSettings:
    """Give settings with files of their own in a folder."""
    folder.mkdir(exist_ok=True)
    paths = {"certFile": folder / "tls.crt", "keyFile": folder / "tls.key"}
    pair.put(paths["certFile"], paths["keyFile"])
    if authority is not None:
        paths["clientCAFile"] = folder / "ca.crt"
        replace(paths["clientCAFile"], authority.certificate.read_bytes())
    return ServerTLSSettings.model_validate({name: str(path) for name, path in paths.items()})


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    """Serve prepared decisions with TLS; clients' certificates are of the same authority."""
    authority = Authority(tmp_path)
    settings = files(tmp_path / "mounted", authority.sign(*NAMES), authority)
    certificates, service = Certificates(settings), FakeAutoscaling()
    app = build(service, HandClock(), certificates=certificates)
    async with (
        serve(app, "127.0.0.1:0", certificates=certificates, look_s=LOOK_S) as address,
        serve(build_metrics(service, certificates=certificates), "127.0.0.1:0") as metrics,
    ):
        yield Secured(authority, settings, certificates, service, address, metrics)


async def test_callers_and_probes_need_no_certificate(secured: Secured) -> None:
    """With an authority of clients set, a token is enough, and a probe needs nothing at all."""
    trust = secured.authority.trust()
    assert await secured.status("/v1/functions", trust, ACME) == 200
    assert await secured.status("/healthz", trust) == 200
    assert await secured.status("/v1/functions", trust) == 401


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (("DNS:acme.example",), 200),
        (("DNS:other.example", "URI:spiffe://cluster/umbrella"), 200),
        (("email:operator@example.org",), 200),
        (("DNS:gateway.example",), 403),
        (("DNS:x.acme.example",), 401),
        (("URI:spiffe://cluster/umbrella/more",), 401),
        (("IP:127.0.0.1",), 401),
        ((), 401),
    ],
)
async def test_a_certificate_names_its_bearer(secured: Secured, names: tuple[str, ...], status: int) -> None:
    """Any of its DNS names, URIs and mail addresses may be a caller's, whole; addresses and common names are none."""
    trust = secured.authority.trust(secured.authority.sign(*names, usage="clientAuth"))
    assert await secured.status("/v1/functions", trust) == status


async def test_the_header_goes_before_the_certificate(secured: Secured) -> None:
    """A known token is who asks; one that is nobody's, which a gateway may pass on of its client, leaves the certificate."""
    trust = secured.authority.trust(secured.authority.sign("DNS:gateway.example"))
    assert await secured.status("/v1/functions", trust, ACME) == 200
    assert await secured.status("/v1/wake/acme-prod/checkout?hold=0", trust, "of-its-client") == 200


async def test_a_certificate_of_somebody_else_is_refused_at_the_door(secured: Secured, tmp_path: Path) -> None:
    """Who shows a certificate that the authority has not signed, or a server's, gets no connection, token or not."""
    stranger = Authority(tmp_path, "stranger")
    for pair in (stranger.sign("DNS:acme.example"), secured.authority.sign("DNS:acme.example", usage="serverAuth")):
        with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
            await secured.status("/v1/functions", secured.authority.trust(pair), ACME)
    assert await secured.status("/healthz", secured.authority.trust()) == 200


async def test_old_protocols_and_plain_text_are_refused(secured: Secured) -> None:
    """TLS 1.1 has no handshake, plain HTTP no answer, and nothing is logged that a stranger chose."""
    with structlog.testing.capture_logs() as lines:
        old = secured.authority.trust()
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        assert await secured.status("/healthz", old) == 200
        reader, writer = await asyncio.open_connection(secured.address.host, secured.address.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer private\r\n\r\n")
        assert b"HTTP/1.1" not in await asyncio.wait_for(reader.read(), 30)
        writer.close()
    assert secured.certificates.current.context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert "private" not in str(lines)


async def test_the_metrics_port_stays_plain(secured: Secured) -> None:
    """Prometheus and probes reach the other listener as before, and it tells when the certificate ends."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{secured.metrics.port}/metrics") as answer,
    ):
        text = await answer.text()
    assert "autoscaler_tls_up 1\n" in text
    assert f"autoscaler_tls_not_after_timestamp_seconds {int(secured.certificates.current.not_after_s)}" in text


async def test_another_certificate_is_served_without_a_break(secured: Secured) -> None:
    """New connections get the new one; a connection that is open goes on, and so does a wake that is held."""
    trust = secured.authority.trust()
    next_pair = secured.authority.sign(*NAMES)
    async with aiohttp.ClientSession() as session:
        async with secured.ask(session, "/v1/functions", trust, ACME) as answer:
            assert answer.status == 200
        held = asyncio.ensure_future(session.get(
            f"https://127.0.0.1:{secured.address.port}/v1/wake/acme-prod/checkout?hold=60s", ssl=trust,
            headers={"Authorization": f"Bearer {ACME}"},
        ))  # fmt: skip
        await asyncio.wait_for(secured.service.held.wait(), 30)
        secured.put(next_pair)
        await until(lambda: secured.certificates.reloads == 1)
        assert await secured.served() == der(next_pair)
        secured.service.ready.set()
        assert (await held).status == 200


async def test_requests_go_on_while_certificates_change(secured: Secured) -> None:
    """Not one of many requests, each over a connection of its own, fails while the certificate changes again and again."""
    trust, statuses = secured.authority.trust(), list[int]()
    pairs = [secured.authority.sign(*NAMES) for _ in range(2)]

    async def keep_asking() -> None:
        while secured.certificates.reloads < 10:
            statuses.append(await secured.status("/v1/functions", trust, ACME))

    async def keep_changing() -> None:
        for change in range(10):
            secured.put(pairs[change % 2])
            await until(lambda change=change: secured.certificates.reloads > change)

    await asyncio.gather(keep_changing(), *(keep_asking() for _ in range(4)))
    assert set(statuses) == {200}


@pytest.mark.parametrize("broken", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_a_broken_file_keeps_what_was_served(secured: Secured, broken: bytes) -> None:
    """What cannot be used is said once, in the log, the metric and the state, and mended by files that can."""
    before = await secured.served()
    good = Path(secured.settings.cert_file).read_bytes()
    with structlog.testing.capture_logs() as lines:
        replace(Path(secured.settings.cert_file), broken)
        await until(lambda: secured.certificates.problem)
        for _ in range(3):
            await asyncio.sleep(2 * LOOK_S)
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "certificate cannot be used, the one of before is served"
    ]
    assert await secured.served() == before
    trouble = secured.certificates.trouble(0.0)
    assert trouble is not None
    assert "tls.certFile" in trouble
    assert "allowed" in trouble
    assert (secured.certificates.failures, secured.certificates.reloads) == (1, 0)
    replace(Path(secured.settings.cert_file), good)
    await until(lambda: secured.certificates.problem is None)


async def test_a_pair_that_does_not_match_waits_for_its_other_half(secured: Secured) -> None:
    """Where the certificate comes before its key, the old pair is served until both are there."""
    next_pair = secured.authority.sign(*NAMES)
    before = await secured.served()
    replace(Path(secured.settings.cert_file), next_pair.certificate.read_bytes())
    await until(lambda: secured.certificates.problem)
    assert await secured.served() == before
    replace(Path(secured.settings.key_file), next_pair.key.read_bytes())
    await until(lambda: secured.certificates.reloads == 1)
    assert await secured.served() == der(next_pair)


async def test_another_authority_ends_what_the_old_one_opened(secured: Secured, tmp_path: Path) -> None:
    """After both were believed for a while, who is of the old one gets no connection, nor keeps an idle one."""
    old, new = secured.authority, Authority(tmp_path, "new")
    one, other = old.sign("DNS:acme.example"), new.sign("DNS:acme.example")
    path = Path(str(secured.settings.client_ca_file))
    as_old, as_new = old.trust(one), old.trust(other)
    replace(path, old.certificate.read_bytes() + new.certificate.read_bytes())
    await until(lambda: secured.certificates.reloads == 1)
    assert [await secured.status("/v1/functions", trust) for trust in (as_old, as_new)] == [200, 200]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        async with secured.ask(session, "/v1/functions", as_old) as answer:
            assert answer.status == 200
        replace(path, new.certificate.read_bytes())
        await until(lambda: secured.certificates.reloads == 2)
        with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
            async with secured.ask(session, "/v1/functions", as_old):
                pass
    assert await secured.status("/v1/functions", as_new) == 200


async def test_a_session_of_the_old_authority_is_not_taken_up_again(secured: Secured, tmp_path: Path) -> None:
    """A client that kept a TLS session of before must show its certificate anew, and is refused."""
    old = secured.authority.trust(secured.authority.sign("DNS:acme.example"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    def connect(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
        with (
            socket.create_connection(secured.address) as plain,
            old.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
        ):
            return tls.session, bool(tls.session_reused)

    kept, _ = await asyncio.to_thread(connect, None)
    _, is_reused = await asyncio.to_thread(connect, kept)
    assert is_reused
    replace(Path(str(secured.settings.client_ca_file)), Authority(tmp_path, "new").certificate.read_bytes())
    await until(lambda: secured.certificates.reloads == 1)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(connect, kept)


def test_what_cannot_be_used_at_the_start_is_said(tmp_path: Path) -> None:
    """Each message names the field, what is wrong with its file, and what is allowed; none repeats a key."""
    authority = Authority(tmp_path)
    pair, other = authority.sign(*NAMES), authority.sign(*NAMES)
    junk = tmp_path / "junk"
    junk.write_text("-----BEGIN EC PRIVATE KEY-----\nsecretsecret\n-----END EC PRIVATE KEY-----\n")
    large = tmp_path / "large"
    large.write_bytes(b"x" * ((1 << 20) + 1))
    locked = authority.locked(pair)
    good = {"certFile": str(pair.certificate), "keyFile": str(pair.key), "clientCAFile": str(authority.certificate)}
    Certificates(ServerTLSSettings.model_validate(good))
    for field, path in [
        ("certFile", tmp_path / "missing"),
        ("certFile", tmp_path),
        ("certFile", pair.key),
        ("certFile", large),
        ("keyFile", other.key),
        ("keyFile", junk),
        ("keyFile", locked),
        ("keyFile", pair.certificate),
        ("clientCAFile", junk),
        ("clientCAFile", tmp_path / "missing"),
    ]:
        with pytest.raises(CertificateError) as raised:
            Certificates(ServerTLSSettings.model_validate(good | {field: str(path)}))
        words = str(raised.value)
        assert f"tls.{field}" in words
        assert "allowed" in words
        assert "secret" not in words


def test_a_certificate_that_has_ended_is_served_and_said(tmp_path: Path) -> None:
    """A daemon that starts with one goes on: functions are scaled all the same, and clients say the rest."""
    authority = Authority(tmp_path)
    pair = authority.sign(*NAMES)
    it = Certificates(files(tmp_path / "mounted", pair, None))
    assert it.trouble(it.current.not_after_s - 1) is None
    assert it.trouble(it.current.not_after_s) is not None
    assert it.current.dns_names == ("localhost", "autoscaler.example")
