"""What ticks cost others while nothing changes: counted where it arrives, at the API server and at Prometheus."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.servers.audit import Asked, AuditedPlane
from tests.servers.daemon import Candidate
from tests.servers.exporter import Exporter
from tests.servers.process import wait_until
from tests.servers.prometheus import Prometheus, prometheus

pytestmark = pytest.mark.server

_MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")
_FUNCTIONS = 30
_TICKS = 20
_DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main, bounds: {allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 10}]
  zero: {after: 10s}
"""


class Idle:
    """A daemon over functions at zero that nobody calls, all of which it knows to be idle."""

    def __init__(self, plane: AuditedPlane, server: Prometheus, daemon: Candidate) -> None:
        self._plane = plane
        self._server = server
        self._daemon = daemon

    def asked(self) -> list[Asked]:
        """Give what the daemon asked the API server so far."""
        return self._plane.asked()

    def queries(self) -> float:
        """Give the queries that Prometheus was asked so far."""
        text = requests.get(f"{self._server.url}/metrics", timeout=10).text
        found = re.findall(
            r'^prometheus_http_requests_total\{.*handler="/api/v1/query(?:_range)?"\} (\S+)$', text, re.M
        )
        return sum(float(one) for one in found)

    def ticks(self) -> float:
        """Give the ticks done so far."""
        return self._daemon.metric("autoscaler_ticks_total")

    def tick(self, count: int) -> None:
        """Wait for so many ticks more."""
        end = self.ticks() + count
        wait_until(lambda: self.ticks() >= end, f"{count} ticks", 120)

    def knows_all(self) -> bool:
        """Tell whether the load of every function is known."""
        of = '{tenant="acme"}'
        known = self._daemon.metric("autoscaler_tenant_functions", of) == _FUNCTIONS
        return known and self._daemon.metric("autoscaler_tenant_functions_with_unknown_load", of) == 0


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idle]:
    folder = tmp_path_factory.mktemp("idle")
    policies = folder / "policies"
    policies.mkdir()
    (policies / "acme.yaml").write_text(_DOCUMENTS)
    with ExitStack() as stack:
        plane = AuditedPlane(folder)
        stack.callback(plane.stop)
        plane.start()
        for path in _RIGHTS:
            plane.apply((_MANIFESTS / path).read_text())
        plane.namespace("acme")
        exporter = stack.enter_context(Exporter())
        for number in range(_FUNCTIONS):
            name = f"f-{number}"
            plane.deployment("acme", name, {"faas_function": name}, is_paused=True)
            exporter.know(f"{name}.acme")
        server = stack.enter_context(prometheus(folder, {"gateway": [exporter.address]}))
        gateway = {"profile": "openfaas", "match": {"job": "gateway"}}
        source = {"url": server.url, "scrapeInterval": "1s", "timeout": "5s", "gateways": [gateway]}
        daemon = Candidate(
            folder, "idle", policies, plane.kubeconfig, tick="250ms", sources={"main": source}, leadership=None
        )
        stack.callback(daemon.kill)
        daemon.begin()
        found = Idle(plane, server, daemon)
        wait_until(found.knows_all, "the load of every function to be known", 120, 0.1)
        yield found


def test_an_idle_tick_asks_the_api_server_nothing(idle: Idle) -> None:
    """Twenty ticks in which nothing changes make no request but the watches that are open anyway."""
    before = len(idle.asked())
    assert before > 0
    idle.tick(_TICKS)
    assert [one for one in idle.asked()[before:] if one.verb != "watch"] == []


def test_a_tick_asks_a_source_four_queries_at_most(idle: Idle) -> None:
    """Prometheus gets no more than four queries a tick, though there are thirty functions."""
    begun, before = idle.ticks(), idle.queries()
    idle.tick(_TICKS)
    asked = idle.queries() - before
    # A tick that had begun before, or has not ended yet, has sent some of its queries too.
    assert 0 < asked <= 4 * (idle.ticks() - begun + 2)
