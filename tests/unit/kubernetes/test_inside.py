"""What a Deployment says of its own pods: the limit that they enforce, their grace, how they are replaced."""

import math
from typing import Any

import pytest

from autoscaler.adapters.kubernetes.deployments import read_deployment
from autoscaler.policy.deployment import Deployed, Surge

ENFORCES = "autoscaler.faas.dev/enforces"


def read(*containers: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> Deployed:
    """Read a Deployment with these containers."""
    template = {"metadata": {"annotations": annotations or {}}, "spec": {"containers": list(containers), **spec}}
    metadata = {"namespace": "n", "name": "f", "uid": "u"}
    return read_deployment({"metadata": metadata, "spec": {"template": template}}).deployed


def container(name: str = "f", **variables: object) -> dict[str, Any]:
    env = [{"name": "fprocess", "value": "x"}]
    env += [
        {"name": key, **(value if isinstance(value, dict) else {"value": value})} for key, value in variables.items()
    ]
    return {"name": name, "env": env}


@pytest.mark.parametrize(
    ("containers", "limit"),
    [
        ([container()], None),
        ([{"name": "f"}], None),
        ([{"name": "f", "env": None}], None),
        ([container(max_inflight="5")], 5.0),
        ([container(max_inflight="0")], math.inf),
        ([container(), container("watchdog", max_inflight="5")], 5.0),
        ([container(max_inflight="7"), container("watchdog", max_inflight="5")], 5.0),
        ([container("queue-proxy", CONTAINER_CONCURRENCY="8")], 8.0),
        ([container("queue-proxy", CONTAINER_CONCURRENCY="0")], math.inf),
        ([container("user-container", CONTAINER_CONCURRENCY="8")], None),
        ([container(max_inflight="5"), container("queue-proxy", CONTAINER_CONCURRENCY="8")], 5.0),
        ([container(max_inflight="$(LIMIT)")], None),
        ([container(max_inflight={"valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}})], None),
        ([container(max_inflight="-1")], None),
        ([container(max_inflight="²")], None),
        ([container(max_inflight="9" * 400)], None),
        ([container(max_inflight="")], None),
        ([container(max_inflight="x"), container("w", max_inflight="5")], 5.0),
    ],
)
def test_limit_by_environment(containers: list[dict[str, Any]], limit: float | None) -> None:
    """The tightest number that a watchdog or Knative's proxy is told; 0 says no limit, and what is no number says nothing."""
    assert read(*containers).enforced_limit == limit


def test_only_a_watchdog_refuses() -> None:
    """Beyond max_inflight requests are refused; with Knative's proxy, or one that an annotation tells of, they may wait."""
    assert not read(container(max_inflight="5")).may_queue
    assert read(container("queue-proxy", CONTAINER_CONCURRENCY="5")).may_queue
    assert read(container(max_inflight="5"), annotations={ENFORCES: "5"}).may_queue


@pytest.mark.parametrize(("text", "limit"), [("3", 3.0), ("0", math.inf), ("many", None), ("1.5", None)])
def test_the_annotation_wins(text: str, limit: float | None) -> None:
    """What the annotation says holds in place of the environment, even that nothing is known."""
    assert read(container(max_inflight="5"), annotations={ENFORCES: text}).enforced_limit == limit


def test_grace() -> None:
    """The pods' own grace period in seconds, Kubernetes's 30 where they say none, and 0 where they say 0."""
    assert read().termination_grace_s == 30.0
    assert read(terminationGracePeriodSeconds=90).termination_grace_s == 90.0
    assert read(terminationGracePeriodSeconds=0).termination_grace_s == 0.0


@pytest.mark.parametrize(
    ("strategy", "surge", "of_ten"),
    [
        (None, Surge(0.25, 0), 3),
        ({"type": "RollingUpdate"}, Surge(0.25, 0), 3),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}, Surge(0.25, 0), 3),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "0%"}}, Surge(0.0, 0), 0),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0}}, Surge(0.0, 0), 0),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}}, Surge(0.0, 2), 2),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%"}}, Surge(1.0, 0), 10),
        ({"type": "Recreate"}, Surge(0.0, 0), 0),
    ],
)
def test_surge(strategy: dict[str, Any] | None, surge: Surge, of_ten: int) -> None:
    """How many replicas more a rollout runs, rounded up as Kubernetes does; none where nothing runs."""
    spec = {"strategy": strategy, "template": {"spec": {}}}
    found = read_deployment({"metadata": {"namespace": "n", "name": "f", "uid": "u"}, "spec": spec}).deployed.surge
    assert found == surge
    assert (found.of(10), found.of(0)) == (of_ten, 0)


def test_share_of_whole_percents_is_exact() -> None:
    """28 % of 25 replicas are 7, not 8 by a rounding of fractions."""
    assert Surge(0.28, 0).of(25) == 7


@pytest.mark.parametrize(
    ("containers", "does"),
    [
        ([{"name": "f"}], False),
        ([{"name": "f", "lifecycle": None}], False),
        ([{"name": "f", "lifecycle": {"postStart": {"sleep": {"seconds": 5}}}}], False),
        ([{"name": "f", "lifecycle": {"preStop": {}}}], False),
        ([{"name": "f", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}], True),
        ([{"name": "f"}, {"name": "sidecar", "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}}}], True),
    ],
)
def test_a_pre_stop_lets_a_replica_linger(containers: list[dict[str, Any]], does: bool) -> None:
    """A replica takes what still reaches it after its end was ordered where a container has a hook that comes before."""
    assert read(*containers).lingers is does


def test_openfaas_lingers_by_itself() -> None:
    """A function of OpenFaaS has a watchdog that waits before it closes its port."""
    template = {"metadata": {"labels": {"faas_function": "f"}}, "spec": {"containers": [{"name": "f"}]}}
    metadata = {"namespace": "n", "name": "f", "uid": "u"}
    assert read_deployment({"metadata": metadata, "spec": {"template": template}}).deployed.lingers
