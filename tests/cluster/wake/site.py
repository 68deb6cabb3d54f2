"""Everything a woken function needs, running: pods behind a real kube-proxy, Prometheus that scrapes them, two daemons."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.cluster.wake.documents import (
    NAMESPACE,
    OPERATOR_TOKEN,
    POLICIES,
    SCRAPE,
    SCRAPE_CONFIG,
    settings,
)
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane, deployment_document
from tests.servers.daemon import Candidate, delete_lease, wait_leading
from tests.servers.kubeproxy import KubeProxy
from tests.servers.nodeagent import RECORD, START_UP
from tests.servers.process import running, wait_until
from tests.servers.prometheus import VERSION_3, configured
from tests.servers.recorder import Recorder

PRE_STOP_S = 3
"""How long a pod that is to go still takes what reaches it: longer than kube-proxy's pause between two changes of its rules."""

NEVER_S = 100_000.0


class Site:
    """The parts by name, and what a test asks of them.

    Attributes:
        daemons: both, of which one decides.
        addresses: `HOST:PORT` of each function's Service, by its name.
    """

    def __init__(self, plane: ControlPlane, folder: Path, recorder: Recorder, daemons: Sequence[Candidate]) -> None:
        self.plane = plane
        self.daemons = daemons
        self.addresses: dict[str, str] = {}
        self._folder = folder
        self._recorder = recorder

    def function(self, name: str, start_up_s: float = 0.3) -> None:
        """Deploy a function at zero, with its Service."""
        annotations = {START_UP: str(start_up_s), RECORD: str(self._record(name))}
        labels = {"faas_function": name}
        document = deployment_document(
            NAMESPACE, name, labels=labels, replicas=0, template_labels=labels, template_annotations=annotations
        )
        pod = document["spec"]["template"]["spec"]
        pod["terminationGracePeriodSeconds"] = 60
        pod["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": PRE_STOP_S}}}
        self.plane.request("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", json=document)
        self.addresses[name] = f"{self.plane.service(NAMESPACE, name)['spec']['clusterIP']}:8080"

    def executed(self, name: str) -> list[str]:
        """Give the ids of the requests that a function's pods executed so far, in order, each as often as it was."""
        record = self._record(name)
        lines = [line.split() for line in record.read_text().splitlines()] if record.exists() else []
        return [line[2] for line in lines if line[1] == "+1" and len(line) == 3]

    def replicas(self, name: str) -> int:
        """Give the replicas that a function was last seen to ask for."""
        return self._recorder.replicas((NAMESPACE, name)) or 0

    def wait_asleep(self, name: str) -> None:
        """Wait until a function is at zero, and its pods are gone."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{name}"
        wait_until(
            lambda: self.replicas(name) == 0 and not self.plane.request("GET", path)["items"],
            f"{name} to be at zero",
            120,
            0.1,
        )

    def wait_held(self, name: str, requests: int) -> None:
        """Wait until so many requests are held for a function that does not serve yet."""

        def is_held() -> bool:
            answer = self.holder.ask("GET", f"/v1/functions/{NAMESPACE}/{name}", OPERATOR_TOKEN)
            wakes = answer.json().get("wakes", [])
            return bool(wakes) and wakes[-1]["state"] is None and wakes[-1]["requests"] >= requests

        wait_until(is_held, f"{requests} requests held for {name}", 30, 0.1)

    @property
    def holder(self) -> Candidate:
        """The daemon that decides."""
        leading = [one for one in self.daemons if one.process is not None and one.is_leading()]
        assert len(leading) == 1, [one.name for one in leading]
        return leading[0]

    def known(self, names: Sequence[str]) -> bool:
        """Tell whether the daemons know functions, so that none is answered 404."""
        of = '{tenant="waking"}'
        return self.holder.metric("autoscaler_tenant_functions", of) >= len(names)

    def _record(self, name: str) -> Path:
        return self._folder / f"{name}.requests"


@contextlib.contextmanager
def site(plane: ControlPlane, folder: Path, named_locations: tuple[str, ...]) -> Iterator[Site]:
    """Run everything but the gateways.

    Args:
        plane: with controllers and a node whose pods are processes.
        folder: where settings, logs and records go.
        named_locations: names that nginx may be sent on to.
    """
    policies = folder / "policies"
    policies.mkdir()
    (policies / "waking.yaml").write_text(POLICIES)
    plane.namespace(NAMESPACE)
    plane.namespace("autoscaler")
    delete_lease(plane)
    proxy = KubeProxy(plane)
    scraped = SCRAPE_CONFIG.format(
        interval=SCRAPE, api=plane.url, token=ADMIN_TOKEN, certificate=plane.certificate, namespace=NAMESPACE
    )
    with (
        running(proxy, proxy.is_ready, 60),
        configured(folder, scraped, VERSION_3) as prometheus,
        Recorder(plane) as recorder,
        contextlib.ExitStack() as stack,
    ):
        own = settings(prometheus.url, named_locations)
        daemons = []
        for name in ("first", "second"):
            daemon = Candidate(folder, name, policies, plane.kubeconfig, **own)
            stack.callback(daemon.kill)
            daemons.append(daemon)
            daemon.begin()
            if name == "first":
                wait_leading(daemon)
        yield Site(plane, folder, recorder, daemons)
