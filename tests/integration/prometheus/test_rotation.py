"""Certificates that are changed under us: the next reading uses the new ones, and what was open with the old ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.integration.prometheus.certificates import certificates, new_client, openssl, server_context
from tests.integration.prometheus.fake import FakePrometheus, answer, document, vector
from tests.integration.prometheus.loading import loads, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, at
from tests.servers.certificates import Authority

PLAN = plan_of({"ours": ["fn/steady"]})


@dataclass
class Secured:
    """A server that wants a client's certificate: whose it was, and over which connection, of each query."""

    folder: Path
    authority: Authority
    url: str = ""
    serials: list[str] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)

    def settings(self, **more: Any) -> dict[str, str]:
        files = {"caFile": "ca.crt", "certFile": "client.crt", "keyFile": "client.key"}
        return {name: str(self.folder / file) for name, file in (files | more).items()}


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """Run a server with certificates of the folder."""
    seen = Secured(folder, certificates(folder))

    def reply(handler: BaseHTTPRequestHandler) -> None:
        seen.serials.append(handler.connection.getpeercert()["serialNumber"])  # type: ignore[attr-defined]
        seen.connections.append(handler.client_address[1])
        document(handler, vector(answer(handler)))

    with FakePrometheus(reply, server_context(folder)) as fake:
        seen.url = fake.url
        yield seen


def serial(folder: Path) -> str:
    """Give the number of the client's certificate as it lies there."""
    return openssl(folder, "x509 -in client.crt -noout -serial").strip().removeprefix("serial=")


async def test_a_rotated_client_certificate_is_shown_at_the_next_reading(tmp_path: Path) -> None:
    """The kept connection is used as long as the files stay, and ends when they change."""
    with secured(tmp_path) as server:
        first = serial(tmp_path)
        async with loads(main=source(server.url, tls=server.settings())) as made:
            await made.read(PLAN, at(LAST))
            await made.read(PLAN, at(LAST, 2.0))
            new_client(server.authority, tmp_path)
            load = await made.read(PLAN, at(LAST, 4.0))
        second = serial(tmp_path)
    assert row(load, PLAN, "fn/steady").rps == 10.0
    assert second != first
    assert server.serials == [first] * 8 + [second] * 4
    assert len(set(server.connections[:8])) == 1
    assert len(set(server.connections[8:])) == 1
    assert server.connections[7] != server.connections[8]


async def test_a_mounted_secret_that_is_swapped_is_a_change(tmp_path: Path) -> None:
    """Files behind a link that is turned to another folder, as kubelets do it, are other files."""
    with secured(tmp_path / "one") as server:
        link = tmp_path / "mounted"
        link.symlink_to(tmp_path / "one")
        two = tmp_path / "two"
        two.mkdir()
        (two / "ca.crt").write_bytes((tmp_path / "one" / "ca.crt").read_bytes())
        new_client(server.authority, two)
        files = {"caFile": "ca.crt", "certFile": "client.crt", "keyFile": "client.key"}
        tls = {name: str(link / file) for name, file in files.items()}
        async with loads(main=source(server.url, tls=tls)) as made:
            await made.read(PLAN, at(LAST))
            (tmp_path / "next").symlink_to(two)
            (tmp_path / "next").rename(link)
            await made.read(PLAN, at(LAST, 2.0))
    assert server.serials == [serial(tmp_path / "one")] * 4 + [serial(two)] * 4


async def test_a_ca_that_no_longer_holds_ends_what_is_open(tmp_path: Path) -> None:
    """When the CA bundle is replaced by one that did not sign the server, nothing more is believed of it."""
    with secured(tmp_path) as server:
        certificates(tmp_path / "other")
        async with loads(main=source(server.url, tls=server.settings(), timeout="5s")) as made:
            before = row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady")
            (tmp_path / "other" / "ca.crt").rename(tmp_path / "ca.crt")
            after = row(await made.read(PLAN, at(LAST, 2.0)), PLAN, "fn/steady")
            (health,) = made.health()
    assert before.rps == 10.0
    assert after.is_unknown
    assert len(server.serials) == 4
    assert health.error is not None
    assert health.error.startswith("TLS: ")


BROKEN = {
    "a CA that is none": ("ca.crt", "garbage", "tls.caFile"),
    "an empty CA": ("ca.crt", "", "tls.caFile"),
    "no CA": ("ca.crt", None, "tls.caFile"),
    "a certificate that is none": ("client.crt", "garbage", "tls.certFile"),
    "no certificate": ("client.crt", None, "tls.certFile"),
    "a key that is none": ("client.key", "garbage", "tls.keyFile"),
    "no key": ("client.key", None, "tls.keyFile"),
}


@pytest.mark.parametrize(("name", "content", "said"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_file_is_said_and_mended(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    """While a file cannot be used nothing is asked, the load is unknown and health says which; mended, all is well."""
    with secured(tmp_path) as server:
        sound = (tmp_path / name).read_bytes()
        async with loads(main=source(server.url, tls=server.settings())) as made:
            await made.read(PLAN, at(LAST))
            (tmp_path / name).unlink() if content is None else (tmp_path / name).write_text(content)
            lost = await made.read(PLAN, at(LAST, 2.0))
            (health,) = made.health()
            asked = len(server.serials)
            (tmp_path / name).write_bytes(sound)
            found = await made.read(PLAN, at(LAST, 4.0))
    assert row(lost, PLAN, "fn/steady").is_unknown
    assert asked == 4
    assert health.error is not None
    assert said in health.error
    assert str(tmp_path) not in health.error
    assert row(found, PLAN, "fn/steady").rps == 10.0


async def test_a_key_of_another_certificate_is_said(tmp_path: Path) -> None:
    """Between the two writes of a rotation certificate and key do not fit; that reading is unknown, the next is not."""
    with secured(tmp_path) as server:
        sound = (tmp_path / "client.key").read_bytes()
        async with loads(main=source(server.url, tls=server.settings())) as made:
            (tmp_path / "client.key").write_bytes((tmp_path / "server.key").read_bytes())
            lost = await made.read(PLAN, at(LAST))
            (health,) = made.health()
            (tmp_path / "client.key").write_bytes(sound)
            found = await made.read(PLAN, at(LAST, 2.0))
    assert row(lost, PLAN, "fn/steady").is_unknown
    assert health.error is not None
    assert "tls.keyFile" in health.error
    assert row(found, PLAN, "fn/steady").rps == 10.0


async def test_a_key_with_a_password_asks_nobody(tmp_path: Path) -> None:
    """An encrypted key is refused in words; no worker waits at a terminal for its password."""
    with secured(tmp_path) as server:
        openssl(tmp_path, "ec -in client.key -out client.key.new -aes128 -passout pass:secret")
        (tmp_path / "client.key.new").rename(tmp_path / "client.key")
        async with loads(main=source(server.url, tls=server.settings())) as made:
            assert row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady").is_unknown
            (health,) = made.health()
    assert health.error is not None
    assert "without a password" in health.error
