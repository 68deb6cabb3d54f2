"""Who we say we are: credentials from files as they are now, over TLS, and never in what we say."""

from base64 import b64encode
from pathlib import Path

import pytest

from tests.integration.prometheus.certificates import certificates, server_context
from tests.integration.prometheus.fake import FakePrometheus, healthy
from tests.integration.prometheus.loading import loads, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, at

PLAN = plan_of({"ours": ["fn/steady"]})
SECRET = "very-secret"


async def test_a_rotated_token_is_borne_at_the_next_reading(tmp_path: Path) -> None:
    """The token file is read anew for each reading; white space around the token does not count."""
    token = tmp_path / "token"
    token.write_text("first\n")
    with FakePrometheus(healthy) as fake:
        async with loads(main=source(fake.url, bearerTokenFile=str(token))) as made:
            await made.read(PLAN, at(LAST))
            token.write_text("second\n")
            await made.read(PLAN, at(LAST, 9.0))
    assert [one["headers"]["Authorization"] for one in fake.requests] == ["Bearer first"] * 4 + ["Bearer second"] * 4


async def test_user_password_headers_and_parameters_are_sent(tmp_path: Path) -> None:
    """Basic authentication, extra headers and extra parameters come with every query, below the path prefix."""
    password = tmp_path / "password"
    password.write_text(SECRET)
    with FakePrometheus(healthy) as fake:
        settings = source(
            f"{fake.url}/prefix/",
            username="me",
            passwordFile=str(password),
            headers={"X-Scope-OrgID": "acme"},
            params={"partial_response": "false"},
        )
        async with loads(main=settings) as made:
            assert row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady").rps == 10.0
    for request in fake.requests:
        assert request["path"] == "/prefix/api/v1/query"
        assert request["headers"]["Authorization"] == f"Basic {b64encode(f'me:{SECRET}'.encode()).decode()}"
        assert request["headers"]["X-Scope-OrgID"] == "acme"
        assert request["headers"]["Accept-Encoding"] == "identity"
        assert request["query"]["partial_response"] == ["false"]
        assert float(request["query"]["time"][0]) == pytest.approx(at(LAST).utc_s - 1.5)


@pytest.mark.parametrize("content", [f"{SECRET}\nInjected: yes", None, "\udcff"])
async def test_a_token_that_cannot_be_sent_is_an_error_without_the_token(tmp_path: Path, content: str | None) -> None:
    """A missing, undecodable or many-lined token file makes the source unknown; nothing is sent or said of it."""
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content.encode(errors="surrogateescape"))
    with FakePrometheus(healthy) as fake:
        async with loads(main=source(fake.url, bearerTokenFile=str(token))) as made:
            load = await made.read(PLAN, at(LAST))
            (health,) = made.health()
    assert row(load, PLAN, "fn/steady").is_unknown
    assert fake.requests == []
    assert health.error is not None
    assert SECRET not in health.error


async def test_the_environment_and_cookies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with FakePrometheus(healthy) as fake:
        async with loads(is_as_shipped=True, main=source(fake.url)) as made:
            assert row(await made.read(PLAN, at(LAST)), PLAN, "fn/steady").rps == 10.0


async def test_tls_with_a_client_certificate(tmp_path: Path) -> None:
    """A CA and a client certificate from files are used; without the CA nothing is believed."""
    certificates(tmp_path)
    context = server_context(tmp_path)
    files = {"caFile": "ca.crt", "certFile": "client.crt", "keyFile": "client.key"}
    paths = {name: str(tmp_path / file) for name, file in files.items()}
    wrong = {**paths, "caFile": str(tmp_path / "missing.crt")}
    with FakePrometheus(healthy, context) as fake:
        for tls, is_known in ((paths, True), ({"caFile": paths["caFile"]}, False), ({}, False), (wrong, False)):
            async with loads(main=source(fake.url, tls=tls, timeout="5s")) as made:
                load = await made.read(PLAN, at(LAST))
            assert row(load, PLAN, "fn/steady").is_unknown is not is_known
