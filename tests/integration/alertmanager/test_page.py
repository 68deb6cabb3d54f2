"""docs/alertmanager.md as it is: every configuration on the page is taken by amtool, by Alertmanager and by the daemon."""

import asyncio
import contextlib
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from autoscaler.policy.loading import Given, load
from autoscaler.policy.settings import Settings
from autoscaler.server.tls import Certificates
from tests.integration.alertmanager.deciding import Site, site, token
from tests.integration.alertmanager.notifying import labels, notifying
from tests.integration.http.test_tls import NAMES, files
from tests.servers.alertmanager import Alertmanager
from tests.servers.binaries import require
from tests.servers.certificates import Authority
from tests.unit.daemon.rig import sha256

pytestmark = pytest.mark.server

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "alertmanager.md").read_text()
EXAMPLE = (ROOT / "manifests" / "examples" / "alertmanager-receiver.yaml").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CONFIGURATIONS = [block for block in BLOCKS if "receivers:" in block]
BEARER, BASIC, CERTIFICATE, OPENFAAS = CONFIGURATIONS
POLICY = next(block for block in BLOCKS if "kind: ScalingPolicy" in block)
SETTINGS = next(block for block in BLOCKS if "alertmanagers:" in block)
LATENCY = {"severity": "scaling"} | labels("acme-prod/checkout")
TENANT = json.dumps(
    {
        "apiVersion": "autoscaler.faas.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": "acme"},
        "spec": {
            "namespaces": ["acme-prod"],
            "source": "main",
            "callers": [
                {"tokenSHA256": sha256(token("acme"))},
                {"username": "acme-alerts", "passwordSHA256": sha256("a password")},
                {"certificateSAN": "DNS:alertmanager.acme.example"},
            ],
        },
    }
)


def amtool(*arguments: object) -> str:
    """Run it; give what it printed."""
    outcome = subprocess.run(
        [require("amtool"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def test_the_page_has_the_example_whole() -> None:
    """What the page shows first is the example that is shipped, to the letter."""
    assert BEARER == EXAMPLE


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=["bearer", "basic", "certificate", "openfaas"])
def test_amtool_takes_every_configuration(config: str, tmp_path: Path) -> None:
    """Alertmanager's own tool finds nothing wrong with any of them."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(config)
    assert f"{config.count('- name:')} receivers" in amtool("check-config", path)


ROUTES = {
    "an alert of the tenant's": ("severity=scaling namespace=acme-prod function=checkout", "autoscaler-acme"),
    "of another tenant's": ("severity=scaling namespace=umbrella function=checkout", "null"),
    "for people": ("severity=page namespace=acme-prod function=checkout", "null"),
}


@pytest.mark.parametrize(("given", "receiver"), ROUTES.values(), ids=ROUTES.keys())
def test_alerts_go_where_the_page_says(given: str, receiver: str, tmp_path: Path) -> None:
    """`amtool config routes test`, as the page writes it, prints the tenant's receiver for its alerts and for no others."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(BEARER)
    command = re.search(r"^amtool (config routes test) --config.file alertmanager.yml (.*)$", PAGE, re.MULTILINE)
    assert command is not None
    assert ROUTES["an alert of the tenant's"][0] in command[2]
    printed = amtool(*command[1].split(), "--config.file", path, "alertname=HighLatency", *given.split())
    assert printed.split() == [receiver]


def test_the_policy_and_the_settings_are_taken() -> None:
    """The page's policy has four rules and no problem, and its settings name one cluster of two."""
    settings = Settings.model_validate({"sources": _SOURCES, **YAML(typ="safe").load(SETTINGS)})
    loaded = load({"tenant.yaml": TENANT, "policy.yaml": POLICY}, given=Given.by(settings))
    assert not loaded.problems
    assert {one.cluster for one in settings.alertmanagers.values()} == {"main"}


_SOURCES: dict[str, Any] = {
    "main": {"url": "http://prometheus", "gateways": [{"profile": "openfaas", "match": {"job": "g"}}]}
}


async def test_every_configuration_of_the_page_has_an_effect(tmp_path: Path) -> None:
    """Each with nothing changed but address and folder, told by the page's own command or by the alert of its kind."""
    secrets = _secrets(tmp_path)
    documents = {"tenant.yaml": TENANT, "policy.yaml": POLICY}
    async with contextlib.AsyncExitStack() as stack:
        plain = await stack.enter_async_context(site([], documents))
        secured = await stack.enter_async_context(site([], documents))
        plain.operators = [{"username": "admin", "passwordSHA256": sha256("a password")}]
        secured.certificates = Certificates(files(tmp_path / "served", secrets.sign(*NAMES), secrets))
        told = {}
        for name, config, it in (
            ("bearer", BEARER, plain),
            ("basic", BASIC, plain),
            ("openfaas", OPENFAAS, plain),
            ("certificate", CERTIFICATE, secured),
        ):
            _add_checkout(it)
            told[name] = await stack.enter_async_context(notifying(tmp_path / name, _placed(config, tmp_path, it)))
        await plain.start(main=told["bearer"].url)
        await secured.start(main=told["certificate"].url)
        await asyncio.to_thread(_by_hand, told["bearer"])
        await asyncio.to_thread(told["basic"].tell, labels("acme-prod/checkout", "CampaignStarts"))
        openfaas = {"alertname": "APIHighInvocationRate", "service": "gateway", "function_name": "checkout.acme-prod"}
        await asyncio.to_thread(told["openfaas"].tell, openfaas)
        await asyncio.to_thread(told["certificate"].tell, LATENCY)
        await secured.until(secured.boosted, "the alert of who has a certificate", 60)
        await plain.until(lambda: len(plain.boosted()) == 3, "the alerts of the other three", 60)
        assert plain.answered(200) == 2
        assert plain.tally.requests["/system/alert", 200] == 1
        await plain.until(lambda: plain.replicas("acme-prod/checkout") == 20, "the campaign's floor")


def _add_checkout(it: Site) -> None:
    if not it.cluster.deployments:
        marks = {"faas_function": "checkout", "com.openfaas.scale.factor": "20"}
        it.loads.concurrency[it.cluster.add("acme-prod/checkout", 3, labels=marks)] = 15.0


def _placed(config: str, folder: Path, it: Site) -> str:
    """Put a test's address and folder in the place of a cluster's."""
    placed = config.replace("autoscaler.autoscaler:8080", f"127.0.0.1:{it.port}")
    assert placed != config
    return placed.replace("/etc/alertmanager/secrets/", f"{folder}/secrets/")


def _secrets(folder: Path) -> Authority:
    """Put the files there that the configurations name; give the authority of their certificates."""
    acme, operator = folder / "secrets" / "autoscaler-acme", folder / "secrets" / "autoscaler"
    acme.mkdir(parents=True)
    operator.mkdir()
    authority = Authority(folder)
    (acme / "token").write_text(token("acme"))
    (acme / "password").write_text("a password")
    (operator / "password").write_text("a password")
    (acme / "ca.crt").write_bytes(authority.certificate.read_bytes())
    authority.sign("DNS:alertmanager.acme.example", usage="clientAuth").put(acme / "tls.crt", acme / "tls.key")
    return authority


def _by_hand(alertmanager: Alertmanager) -> None:
    """Let an alert fire by the command that the page gives."""
    (command,) = re.findall(r"^amtool --alertmanager.url \S+ (alert add .*)$", PAGE, re.MULTILINE)
    amtool("--alertmanager.url", alertmanager.url, *shlex.split(command))
