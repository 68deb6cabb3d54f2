"""One version after the other: nothing shrinks, the first decisions are right, and one command goes back."""

import hashlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.controlplane import ControlPlane
from tests.servers.daemon import NAMESPACE, Candidate, delete_lease, wait_leading
from tests.servers.exporter import Exporter
from tests.servers.process import is_listening, wait_until
from tests.servers.prometheus import prometheus
from tests.servers.recorder import OURS, Recorder
from tests.servers.rendering import MANIFESTS, Document, composed, kubectl

pytestmark = pytest.mark.server

TOKEN = "upgrade-token"
TENANT = "upgraded"
LOOK_BACK_S = 20.0
REACH_S = 6.0 + LOOK_BACK_S
"""What the policy below looks back over: a window, then the look-back on what its means recommended."""

POLICIES = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: upgraded}}
spec:
  namespaces: [upgraded]
  source: main
  callers: [{{tokenSHA256: {token}}}]
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: upgraded}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: rps, target: 10, utilization: 1}}]
  windows: {{stable: 6s}}
  scaleDown: {{stabilization: 20s, maxRate: 1000}}
  zero: {{after: 15s}}
"""


class Site:
    """A Prometheus that scrapes constant loads, and two daemons, the old and the new one, behind one Lease."""

    def __init__(self, plane: ControlPlane, exporter: Exporter, old: Candidate, new: Candidate) -> None:
        self.plane = plane
        self.exporter = exporter
        self.old = old
        self.new = new

    def function(self, name: str, per_s: float, replicas: int) -> None:
        """Deploy a function that is called at a constant rate; 0: one that was called once, and no more."""
        self.plane.deployment(TENANT, name, {"faas_function": name}, replicas)
        self.exporter.know(f"{name}.{TENANT}", replicas)
        if per_s:
            self.exporter.load(f"{name}.{TENANT}", per_s)
        else:
            self.exporter.call(f"{name}.{TENANT}")

    def replicas(self, name: str) -> int:
        return self.plane.replicas(TENANT, name)

    def wait_replicas(self, name: str, count: int, daemon: Candidate) -> None:
        try:
            wait_until(lambda: self.replicas(name) == count, f"{name} at {count}", 120, 0.1)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: it is at {self.replicas(name)}\n{daemon.tail()}") from None


@pytest.fixture
def site(plane: ControlPlane, tmp_path: Path) -> Iterator[Site]:
    """A Prometheus, an exporter, and two daemons that do not run yet."""
    plane.namespace(TENANT)
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "all.yaml").write_text(POLICIES.format(token=hashlib.sha256(TOKEN.encode()).hexdigest()))
    with Exporter() as exporter, prometheus(tmp_path, {"gateway": [exporter.address]}) as server:
        gateway = {"profile": "openfaas", "match": {"job": "gateway"}, "requestTimeout": "1s"}
        source = {"url": server.url, "scrapeInterval": "1s", "timeout": "5s", "gateways": [gateway]}
        old, new = (
            Candidate(tmp_path, name, policies, plane.kubeconfig, sources={"main": source}, blastRadius=None)
            for name in ("old", "new")
        )
        try:
            yield Site(plane, exporter, old, new)
        finally:
            old.kill()
            new.kill()
            delete_lease(plane)
            for item in plane.request("GET", f"/apis/apps/v1/namespaces/{TENANT}/deployments")["items"]:
                plane.delete(TENANT, item["metadata"]["name"])


def decision(daemon: Candidate, name: str) -> dict[str, Any]:
    """Give the last decision on a function."""
    answer = daemon.ask("GET", f"/v1/functions/{TENANT}/{name}", TOKEN)
    found: dict[str, Any] = answer.json()["decision"] if answer.status_code == 200 else {"reason": None, "seen": None}
    return found


def ticks(daemon: Candidate) -> float:
    return daemon.metric("autoscaler_ticks_total")


def recalled_s(daemon: Candidate) -> float:
    """Give how far back the past reaches that the daemon was told last, as its log says; 0: it said nothing."""
    lines = (line for line in daemon.log.read_text().splitlines() if '"past recalled"' in line)
    return max((float(json.loads(line)["reaches_s"]) for line in list(lines)[-1:]), default=0.0)


def restart(daemon: Candidate, reach_s: float) -> None:
    """`kill -9` and start, again where a busy machine leaves no time to read the past: that is held, and not meant here."""
    for _ in range(5):
        daemon.kill()
        daemon.begin()
        wait_leading(daemon)
        wait_until(lambda: ticks(daemon) >= 1, "a first tick", 60)
        if recalled_s(daemon) >= reach_s:
            return
    raise AssertionError(f"no restart read {reach_s} s of the past:\n{daemon.tail()}")


def test_the_first_decisions_after_kill_9_look_back_over_what_was(site: Site) -> None:
    """What load has not wanted for a whole look-back is given back at once; what nobody called for its whole wait stays
    for a while: somebody may have been told a moment before that it is ready.
    """
    site.function("steady", 25.0, 3)
    site.function("idle", 0.0, 0)
    site.old.begin()
    wait_leading(site.old)
    wait_until(lambda: decision(site.old, "steady")["seen"] == "value", "a value", 90, 0.1)
    wait_until(lambda: decision(site.old, "idle")["seen"] == "proven-zero", "a proven zero", 90, 0.1)
    first_s = time.monotonic()
    wait_until(lambda: time.monotonic() > first_s + REACH_S + 5.0, "a look-back of constant load", 60, 0.5)
    site.old.kill()
    site.plane.scale(TENANT, "steady", 6)
    site.plane.scale(TENANT, "idle", 1)
    restart(site.old, REACH_S - 1.0)
    reasons: set[str] = set()
    while site.replicas("steady") != 3 and ticks(site.old) < 15:
        reasons.add(str(decision(site.old, "steady")["reason"]))
    assert site.replicas("steady") == 3
    assert not reasons & {"RESTART", "STABILIZATION"}
    idle = decision(site.old, "idle")
    assert (idle["seen"], idle["reason"], site.replicas("idle")) == ("proven-zero", "WAKE", 1)


def test_a_rolling_upgrade_under_load_changes_no_replica(site: Site) -> None:
    """The new daemon stands by, the old one is told to end, the new one decides: no write at constant load, either way."""
    loads = {"one": (8.0, 1), "three": (25.0, 3), "nine": (85.0, 9), "idle": (0.0, 0)}
    for name, (per_s, replicas) in loads.items():
        site.function(name, per_s, replicas)
    site.old.begin()
    wait_leading(site.old)
    for name, (per_s, _) in loads.items():
        wanted = "value" if per_s else "proven-zero"
        wait_until(lambda name=name, wanted=wanted: decision(site.old, name)["seen"] == wanted, f"{name} seen", 90, 0.1)
    with Recorder(site.plane) as witness:
        wait_until(lambda: witness.replicas((TENANT, "nine")) == 9, "the witness")
        for leaving, coming in ((site.old, site.new), (site.new, site.old)):
            coming.begin()
            leaving.stop(signal.SIGTERM, 30)
            wait_leading(coming)
            begun = ticks(coming)
            wait_until(
                lambda coming=coming, begun=begun: ticks(coming) >= begun + 12, "12 ticks of the new one", 120, 0.1
            )
        found = [one for one in witness.changes if one.namespace == TENANT]
    assert found == []
    assert {name: site.replicas(name) for name in loads} == {name: replicas for name, (_, replicas) in loads.items()}


def test_kill_9_in_a_loop_under_constant_load_changes_no_replica(site: Site) -> None:
    """However often the daemon is killed, at whatever moment of its start, replicas stay what the load wants."""
    site.function("steady", 25.0, 3)
    site.old.begin()
    wait_leading(site.old)
    wait_until(lambda: decision(site.old, "steady")["seen"] == "value", "a value", 90, 0.1)
    with Recorder(site.plane) as witness:
        wait_until(lambda: witness.replicas((TENANT, "steady")) == 3, "the witness")
        for moment in (
            lambda: True,
            lambda: is_listening(int(site.old.address.rpartition(":")[2])),
            site.old.is_ready,
            lambda: site.old.is_ready() and ticks(site.old) >= 1,
        ):
            site.old.kill()
            site.old.start()
            site.old.wait_for(moment, 60)
        site.old.kill()
        site.old.begin()
        wait_leading(site.old)
        wait_until(lambda: ticks(site.old) >= 6, "6 ticks", 120, 0.1)
        found = [one for one in witness.changes if one.namespace == TENANT and one.manager in ("", OURS)]
    assert found == []


def template(plane: ControlPlane) -> Document:
    deployment = plane.request("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/autoscaler")
    found: Document = deployment["spec"]["template"]
    return found


def test_one_command_goes_back(bare: ControlPlane, tmp_path: Path) -> None:
    """After an upgrade with another image and other settings, `kubectl rollout undo` brings both back as they were."""
    access = {"kubeconfig": bare.admin_kubeconfig, "home": bare.folder}
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    assert kubectl("apply", "-k", composed(tmp_path / "old", "single", (), image="faas:1"), **access).returncode == 0
    before = template(bare)
    settings = tmp_path / "new" / "composed" / "settings.yaml"
    settings.parent.mkdir()
    settings.write_text(
        (MANIFESTS / "base" / "settings.yaml").read_text().replace("tick: ", "tick: 1") + "\nlogLevel: debug\n"
    )
    upgrade = composed(tmp_path / "new", "single", (), image="faas:2", settings=settings)
    outcome = kubectl("apply", "-k", upgrade, **access)
    assert outcome.returncode == 0, outcome.stderr
    assert template(bare)["spec"]["containers"][0]["image"] == "faas:2"
    assert template(bare)["spec"]["volumes"] != before["spec"]["volumes"]
    outcome = kubectl("-n", NAMESPACE, "rollout", "undo", "deployment/autoscaler", **access)
    assert outcome.returncode == 0, outcome.stderr
    assert template(bare)["spec"] == before["spec"]
    (named,) = (
        one["configMap"]["name"]
        for one in before["spec"]["volumes"]
        if "settings" in one.get("configMap", {}).get("name", "")
    )
    kept = bare.request("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps/{named}")
    assert kept["data"]["settings.yaml"] == (MANIFESTS / "base" / "settings.yaml").read_text()
