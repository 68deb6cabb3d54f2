"""A real Alertmanager notifying our webhook over TLS: by token, by password and by certificate, while all of them change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autoscaler.daemon.identity import Identities
from autoscaler.policy.caller_settings import CallerSettings
from autoscaler.policy.callers import known
from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.settings import Settings
from autoscaler.ports import Asked, Caller, Shown
from autoscaler.server.app import build
from autoscaler.server.run import Address, serve
from autoscaler.server.tally import TALLY, Tally
from autoscaler.server.tls import Certificates
from tests.integration.http.fakes import FakeAutoscaling, HandClock
from tests.integration.http.test_tls import NAMES, files
from tests.servers.alertmanager import Alertmanager
from tests.servers.certificates import Authority, Pair, replace
from tests.servers.process import running, wait_until
from tests.unit.daemon.rig import sha256

pytestmark = pytest.mark.server

KINDS = ("bearer", "basic", "certificate")

CONFIGURATION = """
route:
  receiver: bearer
  group_by: [via]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - {{receiver: basic, matchers: [via="basic"]}}
    - {{receiver: certificate, matchers: [via="certificate"]}}
receivers:
  - name: bearer
    webhook_configs:
      - url: {url}
        http_config:
          authorization: {{type: Bearer, credentials_file: {folder}/token}}
          tls_config: {{ca_file: {folder}/authority}}
  - name: basic
    webhook_configs:
      - url: {url}
        http_config:
          basic_auth: {{username: acme-alerts, password_file: {folder}/password}}
          tls_config: {{ca_file: {folder}/authority}}
  - name: certificate
    webhook_configs:
      - url: {url}
        http_config:
          tls_config: {{ca_file: {folder}/authority, cert_file: {folder}/client.crt, key_file: {folder}/client.key}}
"""


class Known(FakeAutoscaling):
    """Prepared decisions, and one tenant whose callers are what its document says at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.identities = Identities(Settings(), {})

    def name(self, *generations: str) -> None:
        """Let the tenant name the callers of these generations, and no others."""
        callers = [caller for generation in generations for caller in (
            {"tokenSHA256": sha256(f"token-{generation}")},
            {"username": "acme-alerts", "passwordSHA256": sha256(f"password-{generation}")},
            {"certificateSAN": f"DNS:{generation}.acme.example"},
        )]  # fmt: skip
        credentials = known([CallerSettings.model_validate(caller) for caller in callers])
        acme = TenantPlan("acme", frozenset({"acme-prod"}), "main", credentials, None, dry_run=False)
        self.identities = Identities(Settings(), {"acme": acme})

    async def identify(self, shown: Shown, asked: Asked) -> Caller | None:
        return self.identities.identify(shown, 0.0)


@dataclass
class Site:
    """The server, the Alertmanager, and the files of both."""

    folder: Path
    authority: Authority
    service: Known
    certificates: Certificates
    address: Address
    tally: Tally
    alertmanager: Alertmanager
    told: list[dict[str, str]] = field(default_factory=list)

    def hold(self, generation: str) -> None:
        """Give Alertmanager the credentials of a generation, as a mounted Secret changes."""
        put(self.folder, self.authority, generation)

    async def notify(self, round_: str) -> None:
        """Let an alert fire by each receiver, and wait until all that ever fired have raised their boosts."""
        labels = {"alertname": "HighLatency", "namespace": "acme-prod", "function": "checkout", "round": round_}
        self.told += [labels | {"via": kind} for kind in KINDS]
        await asyncio.to_thread(self.alertmanager.tell, *self.told)
        await self.until(lambda: len(self.service.boosts) == len(self.told), f"the alerts of round {round_}")

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await asyncio.to_thread(wait_until, condition, what)


def put(folder: Path, authority: Authority, generation: str) -> Pair:
    pair = authority.sign(f"DNS:{generation}.acme.example", usage="clientAuth")
    replace(folder / "token", f"token-{generation}".encode())
    replace(folder / "password", f"password-{generation}".encode())
    pair.put(folder / "client.crt", folder / "client.key")
    return pair


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    authority, service = Authority(tmp_path), Known()
    certificates = Certificates(files(tmp_path / "mounted", authority.sign(*NAMES), authority))
    app = build(service, HandClock(), certificates=certificates)
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    put(folder, authority, "one")
    replace(folder / "authority", authority.certificate.read_bytes())
    async with serve(app, "127.0.0.1:0", certificates=certificates, look_s=0.1) as address:
        url = f"https://127.0.0.1:{address.port}/v1/alerts"
        alertmanager = Alertmanager(folder, CONFIGURATION.format(url=url, folder=folder))
        server = running(alertmanager, alertmanager.is_ready)
        await asyncio.to_thread(server.__enter__)
        try:
            yield Site(folder, authority, service, certificates, address, app[TALLY], alertmanager)
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


async def test_credentials_of_every_kind_change_and_no_alert_is_lost(site: Site) -> None:
    """Token, password, client's and server's certificate are each replaced while two are known, and every alert arrives."""
    site.service.name("one")
    await site.notify("before")
    site.service.name("one", "two")
    site.hold("two")
    mounted = site.folder.parent / "mounted"
    site.authority.sign(*NAMES).put(mounted / "tls.crt", mounted / "tls.key")
    await site.until(lambda: site.certificates.reloads == 1, "the server's next certificate")
    await site.notify("between")
    assert site.tally.requests["/v1/alerts", 401] == 0
    site.service.name("two")
    await site.notify("after")
    assert len(site.service.boosts) == 9
    # A connection that still shows the certificate of before is told to come again with the next one, and does.
    assert site.tally.requests["/v1/alerts", 401] <= 2


async def test_a_credential_that_nobody_names_any_more_raises_nothing(site: Site) -> None:
    """With the old ones alone, every notification is refused, and is repeated until the sender has the new ones."""
    site.service.name("two")
    labels = {"alertname": "HighLatency", "namespace": "acme-prod", "function": "checkout"}
    site.told += [labels | {"via": kind} for kind in KINDS]
    await asyncio.to_thread(site.alertmanager.tell, *site.told)
    await site.until(lambda: site.tally.requests["/v1/alerts", 401] >= 3, "refusals")
    assert site.service.boosts == {}
    site.hold("two")
    await site.until(lambda: len(site.service.boosts) == 3, "the repeated notifications")
