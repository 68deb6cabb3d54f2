"""Commands against a daemon that speaks TLS: whom they believe, and by what they are known."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import PLUGIN, root
from autoscaler.server.app import build
from autoscaler.server.run import serve
from autoscaler.server.tls import Certificates
from tests.integration.cli.test_client import FUNCTION, served
from tests.integration.cli.test_reaching import kubeconfig
from tests.integration.http.fakes import ACME, FakeAutoscaling, HandClock
from tests.integration.http.test_tls import files
from tests.servers.certificates import Authority
from tests.servers.process import PATIENCE

OWN = ("AUTOSCALER_TOKEN", "AUTOSCALER_TOKEN_FILE", "AUTOSCALER_SERVER", "AUTOSCALER_CA_FILE")


@contextmanager
def serving(certificates: Certificates) -> Iterator[int]:
    """Serve prepared decisions in a thread of its own and give the port."""
    loop, ended, started = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    ports: list[int] = []

    async def run() -> None:
        app = build(FakeAutoscaling(), HandClock())
        async with serve(app, "127.0.0.1:0", certificates=certificates) as address:
            ports.append(address.port)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    try:
        assert started.wait(30 * PATIENCE)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30 * PATIENCE)
        loop.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def port(authority: Authority) -> Iterator[int]:
    pair = authority.sign("DNS:autoscaler.example", "IP:127.0.0.1")
    with serving(Certificates(files(authority.folder / "mounted", pair, authority))) as found:
        yield found


def status(*arguments: str, **environment: str) -> Result:
    """Run `autoscaler status`."""
    nothing = dict.fromkeys(OWN)
    return CliRunner().invoke(root, ["status", *arguments], env={**nothing, "COLUMNS": "200", **environment})


def test_an_authority_is_named_by_option_or_variable(authority: Authority, port: int) -> None:
    """With its authority the daemon answers over https, wherever the file is named."""
    server, ca = f"https://127.0.0.1:{port}", str(authority.certificate)
    by_option = status("--server", server, "--ca-file", ca, "--token", ACME)
    by_variable = status("--server", server, "--token", ACME, AUTOSCALER_CA_FILE=ca)
    assert (by_option.exit_code, by_variable.exit_code) == (0, 0), by_option.output + by_variable.output
    assert "checkout" in by_option.output


def test_a_certificate_is_a_credential(authority: Authority, port: int) -> None:
    """Without a token who asks is known by a certificate; its key may stand in the same file."""
    pair = authority.sign("DNS:acme.example")
    both = authority.folder / "both.pem"
    both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    common = ("--server", f"https://127.0.0.1:{port}", "--ca-file", str(authority.certificate))
    apart = status(*common, "--client-cert", str(pair.certificate), "--client-key", str(pair.key))
    together = status(*common, "--client-cert", str(both))
    assert (apart.exit_code, together.exit_code) == (0, 0), apart.output + together.output


def test_a_forwarded_port_has_another_name(authority: Authority, port: int) -> None:
    """The name in the certificate can be said where it is not that of the address; a wrong one is refused."""
    common = ("--server", f"https://localhost:{port}", "--ca-file", str(authority.certificate), "--token", ACME)
    assert status(*common).exit_code == 2
    assert status(*common, "--tls-server-name", "autoscaler.example").exit_code == 0


def test_what_is_not_believed_is_said(authority: Authority, port: int, tmp_path: Path) -> None:
    """An unknown authority, and a certificate that the daemon's does not know, exit with 2 and say that it is TLS."""
    stranger = Authority(tmp_path, "stranger")
    server = ("--server", f"https://127.0.0.1:{port}", "--token", ACME)
    unknown = status(*server, "--ca-file", str(stranger.certificate))
    assert unknown.exit_code == 2
    assert "certificate is not believed" in unknown.output
    ours = stranger.sign("DNS:acme.example")
    refused = status(*server, "--ca-file", str(authority.certificate), "--client-cert", str(ours.certificate),
                     "--client-key", str(ours.key))  # fmt: skip
    assert refused.exit_code == 2
    assert ACME not in refused.output + unknown.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--server", "https://127.0.0.1:1", "--ca-file", "/nowhere"), "--ca-file /nowhere"),
        (("--server", "https://127.0.0.1:1", "--ca-file", __file__), "--ca-file"),
        (("--server", "https://127.0.0.1:1", "--client-cert", "/nowhere"), "--client-cert /nowhere"),
        (("--server", "https://127.0.0.1:1", "--client-key", "/nowhere"), "--client-cert"),
        (("--server", "http://127.0.0.1:1", "--ca-file", "/nowhere"), "https"),
    ],
)
def test_files_that_cannot_be_used_are_said(options: tuple[str, ...], words: str) -> None:
    """Each exits with 2, names the option and says what is allowed."""
    result = status(*options)
    assert result.exit_code == 2
    assert words in result.output
    assert "allowed" in result.output


def test_a_secured_daemon_is_asked_through_the_api_server(tmp_path: Path) -> None:
    """`https:` before the Service's name makes the API server speak TLS to it, as kubectl's own proxy has it."""
    path = "/api/v1/namespaces/autoscaler/services/https:autoscaler:http/proxy/v1/functions/shop/a"
    with served({path: (200, FUNCTION)}) as url:
        options = ("--kubeconfig", kubeconfig(tmp_path, url), "--service", "autoscaler/https:autoscaler:http")
        result = CliRunner().invoke(root, ["explain", "shop/a", *options], env=dict.fromkeys(OWN), prog_name=PLUGIN)
    assert result.exit_code == 0, result.output
