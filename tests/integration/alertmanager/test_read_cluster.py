"""What fires is read from whichever member of a cluster answers, over TLS and with the credential that each asks for."""

import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from autoscaler.adapters.alertmanager import read_cluster, read_firing
from autoscaler.policy.settings import AlertmanagerSettings, Settings
from tests.servers.certificates import Authority, Pair
from tests.servers.process import free_port

Serve = Callable[..., Awaitable[str]]


def alert(fingerprint: str) -> dict[str, object]:
    """Give an alert as API v2 tells it."""
    return {"labels": {"alertname": "Slow"}, "fingerprint": fingerprint, "startsAt": "2026-01-02T03:04:05Z"}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve alerts at Alertmanager's path, with TLS where a context is given; what asked is noted in `seen`."""
    runners: list[web.AppRunner] = []

    async def served(
        *fingerprints: str, tls: ssl.SSLContext | None = None, seen: list[str | None] | None = None, status: int = 200
    ) -> str:
        async def handler(request: web.Request) -> web.Response:
            if seen is not None:
                seen.append(request.headers.get("Authorization"))
            return web.json_response([alert(one) for one in fingerprints], status=status)

        app = web.Application()
        app.router.add_get("/api/v2/alerts", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        return f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"

    yield served
    for runner in runners:
        await runner.cleanup()


def settings(url: str, **more: object) -> AlertmanagerSettings:
    return AlertmanagerSettings.model_validate({"url": url, "timeout": "2s", **more})


async def told(*members: AlertmanagerSettings) -> Sequence[str] | None:
    """Give the fingerprints that a cluster of these tells; None: it is not known."""
    alerts = await read_cluster(members)
    return None if alerts is None else [one.fingerprint for one in alerts]


async def test_of_a_pair_what_either_says_fires(serve: Serve) -> None:
    """A member that has just come back has not heard all; what both say is one alert."""
    urls = [await serve("a1", "b2"), await serve("b2", "c3")]
    assert await told(*(settings(url) for url in urls)) == ["a1", "b2", "c3"]


@pytest.mark.parametrize("status", [200, 503])
async def test_of_a_pair_one_that_answers_is_enough(serve: Serve, status: int) -> None:
    """One that is gone, or refuses, leaves what the other says in force; of two that are gone nothing is known."""
    gone = f"http://127.0.0.1:{free_port()}" if status == 200 else await serve("zz", status=status)
    assert await told(settings(gone), settings(await serve("a1"))) == ["a1"]
    assert await told(settings(gone), settings(await serve())) == []
    assert await told(settings(gone), settings(gone)) is None


async def test_members_are_those_that_name_the_same_cluster(serve: Serve) -> None:
    """Alertmanagers without a cluster are each alone, whatever they are called."""
    url = await serve()
    names = {"a": None, "b": "eu", "c": "eu", "eu": None}
    every = Settings.model_validate(
        {"alertmanagers": {name: {"url": url, **({"cluster": one} if one else {})} for name, one in names.items()}}
    )
    assert [len(members) for members in every.alertmanager_clusters()] == [1, 2, 1]


async def test_basic_authentication_is_shown(serve: Serve, tmp_path: Path) -> None:
    """User and password go with the question, the password as its file says at that moment."""
    seen: list[str | None] = []
    url, password = await serve("a1", seen=seen), tmp_path / "password"
    for text in ("sésame\n", "other"):
        password.write_text(text)
        assert await told(settings(url, username="autoscaler", passwordFile=str(password))) == ["a1"]
    texts = [base64.b64decode((header or "").removeprefix("Basic ")).decode() for header in seen]
    assert texts == ["autoscaler:sésame", "autoscaler:other"]


def contexts(folder: Path) -> tuple[Authority, Pair, ssl.SSLContext]:
    """Give an authority, a client that it vouches for, and a server that asks for one."""
    authority = Authority(folder)
    server, client = authority.sign("IP:127.0.0.1"), authority.sign()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    tls.load_cert_chain(server.certificate, server.key)
    tls.verify_mode = ssl.CERT_REQUIRED
    return authority, client, tls


async def test_a_server_that_asks_for_a_certificate_is_shown_it(serve: Serve, tmp_path: Path) -> None:
    """Both know each other by certificate; without ours, or believing another authority, nothing is known."""
    authority, client, tls = contexts(tmp_path)
    url = await serve("a1", tls=tls)
    files = {"certFile": str(client.certificate), "keyFile": str(client.key)}
    known = {"caFile": str(authority.certificate)}
    assert await told(settings(url, tls=known | files)) == ["a1"]
    assert await read_firing(settings(url, tls=known)) is None
    assert await read_firing(settings(url, tls=files)) is None
    (tmp_path / "else").mkdir()
    stranger = Authority(tmp_path / "else").certificate
    assert await read_firing(settings(url, tls=files | {"caFile": str(stranger)})) is None


async def test_files_that_hold_nothing_of_the_kind_are_no_answer(serve: Serve, tmp_path: Path) -> None:
    """A CA bundle that is none, a key under a password, a file that is gone: nothing is known, and nobody is asked for it."""
    authority, client, tls = contexts(tmp_path)
    url, locked = await serve("a1", tls=tls), authority.locked(client)
    broken = tmp_path / "broken"
    broken.write_text("no certificate")
    certificate, ca = str(client.certificate), str(authority.certificate)
    for files in (
        {"caFile": str(broken)},
        {"caFile": str(tmp_path / "gone")},
        {"caFile": ca, "certFile": certificate, "keyFile": str(locked)},
        {"caFile": ca, "certFile": str(broken), "keyFile": str(client.key)},
    ):
        assert await read_firing(settings(url, tls=files)) is None
    assert await read_firing(settings(url, username="a", passwordFile=str(tmp_path / "gone"))) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "a"},
        {"passwordFile": "/p"},
        {"username": "a", "passwordFile": "/p", "bearerTokenFile": "/t"},
        {"tls": {"keyFile": "/k"}},
        {"tls": {"ca": "/c"}},
        {"cluster": ""},
    ],
)
def test_credentials_that_do_not_go_together_are_refused(wrong: dict[str, object]) -> None:
    """What cannot be meant is a problem of the settings, not a request without a credential."""
    with pytest.raises(ValueError, match=r".+"):
        settings("http://a", **wrong)
