"""What stands in the head as a credential: tokens, logins, and whatever else somebody may send."""

import base64
import logging

import pytest
import structlog

from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, OPERATOR, PASSWORD, UMBRELLA, basic
from tests.integration.http.sockets import exchange

PRIVATE = "private-word"


async def status(listening: Listening, *lines: str) -> int:
    """Ask for what an operator alone may see whole, with these header lines."""
    return await exchange(listening.main, ["GET /v1/functions HTTP/1.1", *lines])


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "Basic  "])
async def test_a_login_is_known_by_name_and_password(listening: Listening, scheme: str) -> None:
    """The scheme may be written in any case, and a password may hold colons and bytes that are no text."""
    line = f"Authorization: {scheme} {encoded(ACME.encode() + b':' + PASSWORD)}"
    assert await status(listening, line) == 200
    assert await status(listening, f"X-Autoscaler-{line}") == 200


async def test_a_login_sees_what_its_token_would(listening: Listening) -> None:
    """Which kind of credential it is changes nothing of what is shown."""
    headers = {"Authorization": basic(UMBRELLA)}
    async with listening.ask("GET", "/v1/functions", None, headers=headers) as answer:
        assert await answer.json() == await listening.read("/v1/functions", UMBRELLA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer\t",
        "Bear",
        "Basic",
        "Basic ",
        f"Basic {ACME}",
        "Basic !!!!",
        "Basic YQ",
        "Basic YWJj=ZGVm",
        f"Basic {encoded(b'no colon')}",
        f"Basic {encoded(b':')}",
        f"Basic {encoded(ACME.encode() + b':')}",
        f"Basic {encoded(b':' + PASSWORD)}",
        f"Basic {encoded(ACME.encode() + b':' + PASSWORD[:-1])}",
        f"Basic {encoded(ACME.encode() + b':' + PASSWORD + bytes(1))}",
        f"Basic {encoded(bytes([0xFF, 0xFE, 0x3A]) + PASSWORD)}",
        f"Basic {encoded(bytes(1000) + b':' + bytes(1000))}",
        f"Basic {encoded(ACME.encode() + b':' + PASSWORD)} more",
        f"Bearer {ACME} {ACME}",
        f"Bearer {ACME},Bearer {OPERATOR}",
        f"Bearer {ACME[:-1]}",
        f"Bearer {ACME.upper()}",
        f"Bearer \u0430{ACME[1:]}",
        "Bearer \U0001f511",
        f"Bearer {'a' * 8_000}",
        f"Basic {'a' * 8_000}",
        f"Digest username={ACME}",
        f"Token {ACME}",
        ACME,
    ],
)
async def test_what_is_no_known_credential_is_401(listening: Listening, text: str) -> None:
    """Cut off, garbled, of another scheme, or nearly right: it is nobody's, and never a failure."""
    assert await status(listening, f"Authorization: {text}") == 401


@pytest.mark.parametrize(
    "lines",
    [
        [f"Authorization: Bearer {PRIVATE}\0"],
        [f"Authorization: Basic {PRIVATE}\x01\x02"],
        [f"Authorization: Bearer {PRIVATE}{'a' * (1 << 20)}"],
        [f"Authorization: Basic {PRIVATE}{'a' * (1 << 20)}"],
        [f"X-Autoscaler-Authorization: Bearer {PRIVATE}{'a' * (1 << 20)}"],
        [f"X-Autoscaler-Certificate: {PRIVATE}{'a' * (1 << 20)}"],
        ["Authorization", f" : Bearer {PRIVATE}"],
        [f"Author\0ization: Bearer {PRIVATE}"],
    ],
    ids=["NUL", "control", "1 MB bearer", "1 MB basic", "1 MB beside", "1 MB names", "no colon", "NUL in the name"],
)
async def test_what_is_no_head_is_400_and_in_no_log(
    listening: Listening, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond the limits, or with bytes that no header has: refused, with nothing of it in a log."""
    with structlog.testing.capture_logs() as own, caplog.at_level(logging.DEBUG):
        assert await status(listening, *lines) == 400
    assert PRIVATE not in caplog.text + str(own)


async def test_wrong_credentials_are_in_no_log(listening: Listening, caplog: pytest.LogCaptureFixture) -> None:
    """What was shown is nowhere in the log lines of a refusal, neither as it came nor decoded."""
    login = encoded(f"{PRIVATE}:{PRIVATE}".encode())
    with structlog.testing.capture_logs() as own, caplog.at_level(logging.DEBUG):
        for line in (f"Authorization: Bearer {PRIVATE}", f"Authorization: Basic {login}"):
            assert await status(listening, line) == 401
    assert PRIVATE not in caplog.text + str(own)
    assert login not in caplog.text + str(own)


async def test_two_credentials_of_one_header_are_none(listening: Listening) -> None:
    """Where nobody could say which of two lines counts, neither does; beside one of the other header neither matters."""
    twice = [f"Authorization: Bearer {ACME}", f"Authorization: Bearer {OPERATOR}"]
    assert await status(listening, *twice) in (400, 401)
    assert await status(listening, f"X-Autoscaler-Authorization: Bearer {ACME}", "Authorization: Basic x") == 200


async def test_basic_is_not_offered(listening: Listening) -> None:
    """A browser would ask for a password in a window of its own: 401 offers the scheme of tokens alone."""
    async with listening.ask("GET", "/v1/functions", None) as answer:
        assert answer.status == 401
        assert answer.headers.getall("WWW-Authenticate") == ['Bearer realm="autoscaler"']


async def test_nobody_vouches_without_tls(listening: Listening) -> None:
    """On a listener without certificates the header of another daemon is nothing at all."""
    for text in ("", "00.00", "5b312c5b5d5d.00"):
        assert await status(listening, f"X-Autoscaler-Certificate: {text}", "X-Autoscaler-Forwarded: 1") == 401
