"""What `benchmarks.keda` runs on: an audited API server, a gateway's page, and two Prometheus servers that scrape it."""

import asyncio
import re
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from autoscaler.core.fleet import FunctionKey
from benchmarks.deployments import create
from benchmarks.gateway_page import CALLED_BEFORE, GatewayPage, selector
from benchmarks.kubelet import Kubelet
from benchmarks.requested import RequestLog
from tests.servers.audit import AuditedPlane
from tests.servers.daemon import Candidate
from tests.servers.process import wait_until
from tests.servers.prometheus import Prometheus, prometheus

BEFORE = 200
"""Fewest functions: each part loads some that slept until then."""

_MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")
_POLICY = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {namespace}}}
spec: {{namespaces: [{namespace}], source: main, bounds: {{allowZero: true}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {namespace}}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: rps, target: 10, utilization: 1.0}}]
  windows: {{stable: {range_s:g}s, panic: null}}
  zero: {{after: 30s}}
"""


@dataclass(frozen=True, slots=True)
class Scrape:
    """How often the gateway is scraped, and the stretch that a rate is taken over: four scrapes."""

    name: str
    interval_s: float

    @property
    def range_s(self) -> float:
        """Seconds that a rate covers."""
        return 4 * self.interval_s


SLOW = Scrape("slow", 15.0)
FAST = Scrape("fast", 2.0)


class Site:
    """Everything that runs beside the daemon.

    Attributes:
        page: of the gateway.
        kubelet: says that replicas are ready.
        requests: what the daemon asked the API server.
    """

    def __init__(
        self, folder: Path, plane: AuditedPlane, page: GatewayPage, kubelet: Kubelet, servers: dict[str, Prometheus]
    ) -> None:
        self.page = page
        self.kubelet = kubelet
        self.requests = RequestLog(folder / "audit.log")
        self._folder = folder
        self._plane = plane
        self._servers = servers

    def daemon(self, name: str, scrape: Scrape, **changes: object) -> Candidate:
        """Give a daemon that is not started yet, and reads one of the Prometheus servers."""
        gateway = {"profile": "openfaas", "match": {"job": "gateway"}}
        url, interval = self._servers[scrape.name].url, f"{scrape.interval_s:g}s"
        source = {"url": url, "scrapeInterval": interval, "gateways": [gateway]}
        policies = self._folder / f"policies-{scrape.name}"
        settings = {"tick": "2s", "sources": {"main": source}, "logLevel": "warning"}
        return Candidate(self._folder, name, policies, self._plane.kubeconfig, **settings, **changes)

    def allow(self, keys: Sequence[FunctionKey], replicas: int) -> None:
        """Let functions have more replicas than the label that OpenFaaS gives them says."""
        labels = {"com.openfaas.scale.max": str(replicas)}
        for key in keys:
            self._plane.patch(*key, {"spec": {"template": {"metadata": {"labels": labels}}}})

    def wait_scraped(self) -> None:
        """Wait until both ranges, and a scrape before them, are full."""
        for scrape in (SLOW, FAST):
            range_ = f"{scrape.range_s + scrape.interval_s:g}s"
            whole = scrape.range_s / scrape.interval_s + 1
            wait_until(
                lambda r=range_, w=whole, s=scrape: (
                    self._value(s, f'min(count_over_time(up{{job="gateway"}}[{r}]))') >= w
                ),
                f"scrapes every {scrape.interval_s:g} s",
                180,
                0.5,
            )

    def wait_looked_at(self, daemon: Candidate, count: int) -> None:
        """Wait until the load of every function is known to the daemon, and was decided on."""
        daemon.wait_for(lambda: _known(daemon.metrics_address) == count, 300)

    def queries(self, scrape: Scrape) -> float:
        """Give the queries that a Prometheus was asked so far, instant ones and those of a range, by its own count."""
        with urllib.request.urlopen(f"{self._servers[scrape.name].url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.findall(
            r'^prometheus_http_requests_total\{.*handler="/api/v1/query(?:_range)?"\} (\S+)$', text, re.M
        )
        return sum(float(one) for one in found)

    def first_shown_s(self, scrape: Scrape, key: FunctionKey, since_s: float) -> float:
        """Give the UTC seconds of the first scrape after a moment that shows calls of a function that had slept."""
        stretch = f"{selector(key)}[{int(time.time() - since_s) + 1}s]"
        (series,) = self._servers[scrape.name].query(stretch)
        return next(float(at_s) for at_s, value in series["values"] if float(value) not in (0.0, float(CALLED_BEFORE)))

    def _value(self, scrape: Scrape, text: str) -> float:
        value = self._servers[scrape.name].value(text)
        return 0.0 if value is None else value


@contextmanager
def site(folder: Path, keys: Sequence[FunctionKey]) -> Iterator[Site]:
    """Run it for the length of a `with` block, with a sleeping Deployment for each function."""
    for scrape in (SLOW, FAST):
        (folder / scrape.name).mkdir()
        _write_policies(folder / f"policies-{scrape.name}", keys, scrape)
    plane = AuditedPlane(folder)
    try:
        plane.start()
        for path in _RIGHTS:
            plane.apply((_MANIFESTS / path).read_text())
        asyncio.run(create(plane, keys, 0))
        with (
            Kubelet(plane) as kubelet,
            GatewayPage(keys) as page,
            prometheus(folder / SLOW.name, {"gateway": [page.address]}, f"{SLOW.interval_s:g}s") as slow,
            prometheus(folder / FAST.name, {"gateway": [page.address]}, f"{FAST.interval_s:g}s") as fast,
        ):
            yield Site(folder, plane, page, kubelet, {SLOW.name: slow, FAST.name: fast})
    finally:
        plane.stop()


def _write_policies(folder: Path, keys: Sequence[FunctionKey], scrape: Scrape) -> None:
    folder.mkdir()
    for namespace in sorted({key.namespace for key in keys}):
        (folder / f"{namespace}.yaml").write_text(_POLICY.format(namespace=namespace, range_s=scrape.range_s))


def _known(address: str) -> int:
    """Give the functions whose load a daemon knows; those of a tenant that is none are not listed, which is quick."""
    try:
        text = requests.get(f"http://{address}/metrics?tenant=none", timeout=10).text
    except requests.RequestException:
        return 0
    return int(_sum(text, "autoscaler_tenant_functions") - _sum(text, "autoscaler_tenant_functions_with_unknown_load"))


def _sum(text: str, name: str) -> float:
    return sum(float(one) for one in re.findall(rf"^{name}\{{.*\}} (\S+)$", text, re.M))
