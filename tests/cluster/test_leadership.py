"""Two daemons, one Lease, a real API server: who decides, who takes over, and who never writes again."""

import hashlib
import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.servers.controlplane import ControlPlane
from tests.servers.daemon import Candidate, delete_lease, holder, lease, wait_leading
from tests.servers.faultproxy import SCALES, FaultProxy
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

TOKEN = "acme-token"
DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: acme}}
spec:
  namespaces: [{namespace}]
  source: main
  callers: [{{tokenSHA256: {token}}}]
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: others, namespace: {namespace}}}
spec:
  functions: {{names: ["*"]}}
  replicas: {{min: 2}}
  alerts: [{{match: {{alertname: Slow}}, boost: {{add: 3}}, expires: 60s}}]
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: sleepers, namespace: {namespace}}}
spec:
  functions: {{names: ["sleeper"]}}
  replicas: {{min: 0}}
  zero: {{after: 1h}}
  wake: {{hold: 20s}}
"""


class Pair:
    """Two daemons on one cluster, each behind a proxy that notes what it asks."""

    def __init__(self, plane: ControlPlane, folder: Path, stack: ExitStack, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        policies = folder / "policies"
        policies.mkdir()
        token = hashlib.sha256(TOKEN.encode()).hexdigest()
        (policies / "acme.yaml").write_text(DOCUMENTS.format(namespace=namespace, token=token))
        self.proxies: dict[str, FaultProxy] = {}
        self.first = self._candidate("first", folder, policies, stack)
        self.second = self._candidate("second", folder, policies, stack)

    def _candidate(self, name: str, folder: Path, policies: Path, stack: ExitStack) -> Candidate:
        certificate = self.plane.certificate
        proxy = stack.enter_context(FaultProxy(self.plane.url, certificate, certificate.with_suffix(".key")))
        self.proxies[name] = proxy
        access = json.loads(self.plane.kubeconfig.read_text())
        access["clusters"][0]["cluster"]["server"] = proxy.url
        kubeconfig = folder / f"{name}.kubeconfig"
        kubeconfig.write_text(json.dumps(access))
        candidate = Candidate(folder, name, policies, kubeconfig)
        stack.callback(candidate.kill)
        return candidate

    def begin(self) -> None:
        """Start both; the first leads."""
        self.first.begin()
        wait_leading(self.first)
        self.second.begin()

    def function(self, name: str, replicas: int) -> None:
        self.plane.deployment(self.namespace, name, {"faas_function": name}, replicas, is_paused=True)

    def wait_replicas(self, name: str, count: int) -> None:
        wait_until(
            lambda: self.plane.replicas(self.namespace, name) == count,
            f"{name} at {count}; {self.first.tail(1500)}\n{self.second.tail(1500)}",
            60,
            0.05,
        )

    def writes(self, candidate: Candidate) -> int:
        """Give how many scales a candidate has patched, as its proxy saw it."""
        return self.proxies[candidate.name].count("PATCH", SCALES)


@pytest.fixture
def pair(plane: ControlPlane, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two daemons, to be started by the test."""
    namespace = "leading-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    plane.namespace(namespace)
    delete_lease(plane)
    with ExitStack() as stack:
        yield Pair(plane, tmp_path, stack, namespace)


def test_one_decides_and_the_other_stands_by(pair: Pair) -> None:
    """Of two daemons one writes; the other is ready, asks for no scale, and the Lease says who and where."""
    pair.function("f", 1)
    pair.begin()
    pair.wait_replicas("f", 2)
    assert not pair.second.is_leading()
    assert pair.writes(pair.second) == 0
    assert pair.second.metric("autoscaler_writes_held") == 0.0
    found = lease(pair.plane)
    spec = found["spec"]
    assert found["metadata"]["annotations"]["autoscaler.faas.dev/address"] == pair.first.address
    assert holder(pair.plane) == "first"
    assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (8, 0)
    assert datetime.fromisoformat(spec["acquireTime"]) <= datetime.fromisoformat(spec["renewTime"])


def test_a_standby_asks_for_nothing_while_another_decides(pair: Pair) -> None:
    """Its watches apart, a standby sends the API server no request while the holder renews and writes."""
    pair.function("f", 1)
    pair.begin()
    proxy = pair.proxies["second"]
    begun, renewed = len(proxy.seen), lease(pair.plane)["spec"]["renewTime"]
    pair.function("g", 1)
    pair.wait_replicas("g", 2)
    wait_until(lambda: lease(pair.plane)["spec"]["renewTime"] > renewed, "a renewal", 60)
    # Lists are those with which its watches begin; some of them come after it is ready.
    assert [one for one in proxy.seen[begun:] if not re.search("watch=true|limit=", one.path)] == []


def test_sigterm_gives_the_lease_up(pair: Pair) -> None:
    """A holder that is asked to end releases the Lease before it is gone; the standby decides, from a start's safety."""
    pair.function("f", 1)
    pair.begin()
    pair.wait_replicas("f", 2)
    pair.first.send(signal.SIGTERM)
    wait_leading(pair.second)
    assert pair.first.process is not None
    assert pair.first.process.wait(30) == 0
    assert holder(pair.plane) == "second"
    assert lease(pair.plane)["spec"]["leaseTransitions"] == 1
    pair.function("g", 0)
    pair.wait_replicas("g", 2)
    assert pair.plane.replicas(pair.namespace, "f") == 2


def test_a_killed_holder_is_followed(pair: Pair) -> None:
    """After `kill -9` the standby waits for the end of the Lease and decides then."""
    pair.function("f", 1)
    pair.begin()
    pair.wait_replicas("f", 2)
    pair.first.kill()
    pair.function("g", 1)
    pair.wait_replicas("g", 2)
    assert pair.second.is_leading()
    assert pair.plane.replicas(pair.namespace, "f") == 2


def test_a_holder_that_stood_still_for_longer_than_its_lease_never_writes_again(pair: Pair) -> None:
    """Between SIGSTOP and SIGCONT another took over: what the first had in mind is never sent, and it stands by."""
    pair.function("f", 1)
    pair.begin()
    pair.wait_replicas("f", 2)
    pair.first.send(signal.SIGSTOP)
    wait_leading(pair.second)
    before = pair.writes(pair.first)
    for name in ("g", "h", "i"):
        pair.function(name, 1)
        pair.wait_replicas(name, 2)
    pair.first.send(signal.SIGCONT)
    wait_until(lambda: not pair.first.is_leading(), "the first to see that it does not lead", 30)
    pair.function("j", 1)
    pair.wait_replicas("j", 2)
    wait_until(pair.first.is_ready, "the first to stand by", 30)
    assert pair.writes(pair.first) == before
    assert pair.second.is_leading()
    assert pair.second.metric("autoscaler_leader_transitions_total") == 1.0


def test_wakes_and_alerts_reach_the_holder_through_the_standby(pair: Pair) -> None:
    """What is sent to the standby is answered by the holder, once, without a redirect."""
    pair.function("sleeper", 0)
    pair.function("f", 2)
    pair.begin()
    wake = pair.second.ask("POST", f"/v1/wake/{pair.namespace}/sleeper?hold=0", TOKEN)
    assert (wake.status_code, wake.headers["X-Wake-State"]) == (200, "started")
    pair.wait_replicas("sleeper", 1)
    answer = pair.second.ask("POST", "/v1/alerts", TOKEN, json=_slow(pair.namespace, "f"))
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    boosted = pair.second.ask("GET", "/v1/status", TOKEN).json()["boosts"]
    assert sorted(one["effect"] for one in boosted) == ["boost", "freeze"]  # no Alertmanager told the holder what fires
    assert pair.first.metric("autoscaler_boosts") == 2.0
    assert pair.writes(pair.second) == 0
    assert pair.second.ask("GET", "/v1/status", "nobodys-token").status_code == 401


def test_without_the_right_on_leases_nothing_is_written_and_it_is_said(plane: ControlPlane, tmp_path: Path) -> None:
    """A daemon that may not read its Lease decides nothing, is not ready, and its log names the right."""
    plane.namespace("leading-nowhere")
    policies = tmp_path / "policies"
    policies.mkdir()
    token = hashlib.sha256(TOKEN.encode()).hexdigest()
    (policies / "acme.yaml").write_text(DOCUMENTS.format(namespace="leading-nowhere", token=token))
    plane.deployment("leading-nowhere", "f", {"faas_function": "f"}, 1, is_paused=True)
    elsewhere = {"lease": "autoscaler", "namespace": "leading-nowhere", "identity": "alone"}
    daemon = Candidate(tmp_path, "alone", policies, plane.kubeconfig, leadership=elsewhere)
    daemon.start()
    try:
        daemon.wait_for(lambda: '"leases"' in daemon.tail() or "leases.coordination" in daemon.tail(), 60)
        wait_until(lambda: daemon.metric("autoscaler_cluster_problems") >= 1.0, "the problem to be told", 30)
        assert not daemon.is_ready()
        assert daemon.metric("autoscaler_writes_held") == 1.0
        assert plane.replicas("leading-nowhere", "f") == 1
    finally:
        daemon.kill()


def test_shards_have_leases_of_their_own(plane: ControlPlane, tmp_path: Path) -> None:
    """Two daemons of two shards decide side by side, each for its tenants, and each says who has the others."""
    policies = tmp_path / "policies"
    policies.mkdir()
    token = hashlib.sha256(TOKEN.encode()).hexdigest()
    names = ("acme", "globex", "initech", "umbrella")
    for name in names:
        plane.namespace(f"shard-{name}")
        document = DOCUMENTS.format(namespace=f"shard-{name}", token=token).replace("name: acme", f"name: {name}")
        (policies / f"{name}.yaml").write_text(document)
        plane.deployment(f"shard-{name}", "f", {"faas_function": "f"}, 1, is_paused=True)
    with ExitStack() as stack:
        daemons = []
        for number in range(2):
            daemon = Candidate(tmp_path, f"shard{number}", policies, plane.kubeconfig, shard=f"{number}/2")
            stack.callback(daemon.kill)
            stack.callback(delete_lease, plane, f"autoscaler-{number}-of-2")
            daemons.append(daemon)
            daemon.begin()
        for name in names:
            wait_until(lambda name=name: plane.replicas(f"shard-{name}", "f") == 2, f"{name} at 2", 60)
        assert [holder(plane, f"autoscaler-{number}-of-2") for number in range(2)] == ["shard0", "shard1"]
        answers = [
            {name: daemon.ask("GET", f"/v1/functions/shard-{name}/f", TOKEN) for name in names} for daemon in daemons
        ]
        for name in names:
            assert sorted(one[name].status_code for one in answers) == [200, 404]
            (other,) = (number for number in range(2) if answers[number][name].status_code == 404)
            assert f"shard {1 - other}/2" in answers[other][name].json()["error"]["allowed"]


def _slow(namespace: str, function: str) -> dict[str, object]:
    labels = {"alertname": "Slow", "namespace": namespace, "function": function}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "f1",
    }
    return {"version": "4", "status": "firing", "alerts": [alert]}
