"""A standby and a holder that both speak TLS: whom they believe, and who is known at the holder by a certificate."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.server.app import build
from autoscaler.server.run import Address, serve
from autoscaler.server.tls import Certificates
from autoscaler.server.vouching import HEADER, LONGEST_S, Vouching
from tests.integration.http.fakes import ACME, FakeAutoscaling, HandClock, basic
from tests.integration.http.pairs import HOLDER, STANDBY, Told
from tests.integration.http.test_forwarding import ALERTS
from tests.integration.http.test_tls import LOOK_S, NAMES, files
from tests.servers.certificates import Authority, Pair
from tests.servers.process import PATIENCE

CHECKOUT = FunctionKey("acme-prod", "checkout")


@dataclass
class One:
    """A daemon: what it serves, with what, and who it thinks decides."""

    service: FakeAutoscaling
    certificates: Certificates
    leadership: Told
    clock: HandClock
    address: Address
    folder: Path

    def put(self, pair: Pair) -> None:
        pair.put(self.folder / "tls.crt", self.folder / "tls.key")


@dataclass
class Pairing:
    """A holder and a standby with one certificate, and the authority of both and of clients."""

    authority: Authority
    holder: One
    standby: One
    session: aiohttp.ClientSession

    def ask(self, method: str, path: str, names: tuple[str, ...] = (), *, of: One | None = None, **more: Any) -> Any:
        """Ask the standby, with a certificate of these names."""
        trust = self.authority.trust(self.authority.sign(*names) if names else None)
        at = (of or self.standby).address
        return self.session.request(method, f"https://127.0.0.1:{at.port}{path}", ssl=trust, **more)

    async def status(self, path: str, names: tuple[str, ...] = (), **more: Any) -> int:
        async with self.ask("GET", path, names, **more) as answer:
            return int(answer.status)


@asynccontextmanager
async def served(folder: Path, pair: Pair, authority: Authority, identity: str) -> AsyncIterator[One]:
    """Serve one daemon for the length of a block."""
    certificates = Certificates(files(folder, pair, authority))
    service, leadership, clock = FakeAutoscaling(), Told(identity), HandClock()
    app = build(service, clock, leadership=leadership, certificates=certificates)
    async with serve(app, "127.0.0.1:0", certificates=certificates, look_s=LOOK_S) as address:
        yield One(service, certificates, leadership, clock, address, folder)


@pytest.fixture
async def pairing(tmp_path: Path) -> AsyncIterator[Pairing]:
    authority = Authority(tmp_path)
    pair = authority.sign(*NAMES)
    async with (
        aiohttp.ClientSession() as session,
        served(tmp_path / "holder", pair, authority, HOLDER) as holder,
        served(tmp_path / "standby", pair, authority, STANDBY) as standby,
    ):
        standby.service.empty()
        known = {"holder": HOLDER, "address": f"127.0.0.1:{holder.address.port}"}
        holder.leadership.tell(is_leader=True, **known)
        standby.leadership.tell(**known)
        yield Pairing(authority, holder, standby, session)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30 * PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_tokens_and_logins_are_passed_on(pairing: Pairing) -> None:
    """A bearer token and a user name with its password mean the same at the holder; wrong ones end at the standby."""
    bearer = {"Authorization": f"Bearer {ACME}"}
    login = {"Authorization": basic(ACME)}
    for headers in (bearer, login):
        async with pairing.ask("GET", "/v1/functions", headers=headers) as answer:
            assert (answer.status, (await answer.json())["total"]) == (200, 3)
    assert await pairing.status("/v1/functions", headers={"Authorization": "Bearer nobodys"}) == 401


async def test_who_is_known_by_a_certificate_is_the_same_at_the_holder(pairing: Pairing) -> None:
    """Its tenant's functions, its alerts and its gateway's wakes, and no more than its role may."""
    async with pairing.ask("GET", "/v1/functions", ("DNS:other", "DNS:acme.example")) as answer:
        assert {row["tenant"] for row in (await answer.json())["functions"]} == {"acme"}
    async with pairing.ask("POST", "/v1/alerts", ("DNS:acme.example",), json=ALERTS) as answer:
        assert (answer.status, await answer.json()) == (200, {"accepted": 1, "dropped": {}})
    assert await pairing.status("/v1/wake/acme-prod/checkout?hold=0", ("DNS:gateway.example",)) == 200
    assert pairing.holder.service.wakes == [(CHECKOUT, 0.0)]
    assert await pairing.status("/v1/functions", ("DNS:gateway.example",)) == 403
    assert await pairing.status("/v1/functions", ("DNS:nobody.example",)) == 401
    assert await pairing.status("/v1/functions/umbrella/render", ("DNS:acme.example",)) == 404


@pytest.mark.parametrize(
    ("holder", "target", "late_s", "own_key"),
    [
        (HOLDER, "GET /v1/status", 0.0, True),
        ("somebody", "GET /v1/functions", 0.0, True),
        (HOLDER, "GET /v1/functions", LONGEST_S + 1, True),
        (HOLDER, "GET /v1/functions", -LONGEST_S - 1, True),
        (HOLDER, "GET /v1/functions", 0.0, False),
    ],
    ids=["another request", "another holder", "old", "of the future", "another key"],
)
async def test_a_signature_is_good_for_one_request_to_one_daemon(
    pairing: Pairing, holder: str, target: str, late_s: float, own_key: bool, tmp_path: Path
) -> None:
    """Names that were signed for something else, long ago, or by somebody else are believed by nobody."""
    clock = HandClock()
    await clock.sleep(-late_s)
    stranger = Certificates(files(tmp_path / "stranger", pairing.authority.sign(*NAMES), None))
    signing = Vouching(pairing.holder.certificates if own_key else stranger, clock, pairing.holder.leadership)
    right = Vouching(pairing.holder.certificates, HandClock(), pairing.holder.leadership)
    names = ["email:operator@example.org"]
    for header, status in (
        (signing.sign(names, holder, target), 503),
        (right.sign(names, HOLDER, "GET /v1/functions"), 200),
    ):
        assert await pairing.status("/v1/functions", of=pairing.holder, headers={HEADER: header}) == status


@pytest.mark.parametrize("text", ["", ".", "zz.zz", "5b5d.00", "00", "5b312c5b5d5d.", "7b7d.\xe9", "6e756c6c.00"])
async def test_what_is_no_signature_is_refused(pairing: Pairing, text: str) -> None:
    """Whatever stands in the header, it is neither believed nor a failure."""
    assert await pairing.status("/v1/functions", of=pairing.holder, headers={HEADER: text}) in (401, 503)


async def test_a_daemon_that_is_not_ours_hears_nothing(pairing: Pairing, tmp_path: Path) -> None:
    """Where the Lease names the address of a stranger, or of one that speaks plain HTTP, no credential goes there."""
    heard = list[str]()

    async def hear(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    strange = Authority(tmp_path, "stranger")
    certificates = Certificates(files(tmp_path / "strange", strange.sign(*NAMES), None))
    for own in (certificates, None):
        app = web.Application()
        app.router.add_get("/v1/functions", hear)
        async with serve(app, "127.0.0.1:0", certificates=own) as address:
            pairing.standby.leadership.tell(address=f"127.0.0.1:{address.port}")
            headers = {"Authorization": f"Bearer {ACME}"}
            async with pairing.ask("GET", "/v1/functions", headers=headers) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert heard == []


async def test_a_renewed_certificate_reaches_one_daemon_first(pairing: Pairing) -> None:
    """Whichever has it first: tokens go on; who is known by a certificate is asked to come again until both have it."""
    next_pair = pairing.authority.sign(*NAMES)
    headers = {"Authorization": f"Bearer {ACME}"}
    first, second = (pairing.holder, pairing.standby)
    first.put(next_pair)
    await until(lambda: first.certificates.reloads == 1)
    assert first.certificates.current.files.certificate != second.certificates.current.files.certificate
    assert await pairing.status("/v1/functions", headers=headers) == 200
    assert await pairing.status("/v1/functions", ("DNS:acme.example",)) == 200  # of the key of before
    second.put(next_pair)
    await until(lambda: second.certificates.reloads == 1)
    third = pairing.authority.sign(*NAMES)
    second.put(third)
    await until(lambda: second.certificates.reloads == 2)
    assert await pairing.status("/v1/functions", headers=headers) == 200
    assert await pairing.status("/v1/functions", ("DNS:acme.example",)) == 503
    first.put(third)
    await until(lambda: first.certificates.reloads == 2)
    assert await pairing.status("/v1/functions", ("DNS:acme.example",)) == 200


async def test_a_certificate_without_a_dns_name_is_believed_itself(tmp_path: Path) -> None:
    """Daemons that share a certificate of an address alone believe that one, and no other of its authority."""
    authority = Authority(tmp_path)
    pair, other = authority.sign("IP:127.0.0.1"), authority.sign("IP:127.0.0.1")
    headers = {"Authorization": f"Bearer {ACME}"}
    for holders, status in ((pair, 200), (other, 503)):
        async with (
            served(tmp_path / f"holder-{status}", holders, authority, HOLDER) as holder,
            served(tmp_path / f"standby-{status}", pair, authority, STANDBY) as standby,
            aiohttp.ClientSession() as session,
        ):
            known = {"holder": HOLDER, "address": f"127.0.0.1:{holder.address.port}"}
            holder.leadership.tell(is_leader=True, **known)
            standby.leadership.tell(**known)
            assert await Pairing(authority, holder, standby, session).status("/v1/functions", headers=headers) == status
