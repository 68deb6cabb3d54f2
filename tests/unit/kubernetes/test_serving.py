"""Services as watches tell them: the address that leads to a function."""

from typing import Any

import pytest

from autoscaler.adapters.kubernetes.cache import DeploymentCache
from autoscaler.adapters.kubernetes.followed import FollowedDeployments
from autoscaler.adapters.kubernetes.serving import FollowedServices, FollowedSlices, Serving
from autoscaler.core.fleet import FunctionKey

KEY = FunctionKey("shop", "resize")


def deployment(service: str | None = None) -> dict[str, Any]:
    marks = {} if service is None else {"autoscaler.faas.dev/service": service}
    metadata = {"namespace": "shop", "name": "resize", "uid": "u", "resourceVersion": "1", "annotations": marks}
    labels = {"faas_function": "resize"}
    return {"metadata": {**metadata, "labels": labels}, "spec": {"replicas": 1, "template": {"metadata": {}}}}


def service(name: str = "resize", **spec: Any) -> dict[str, Any]:
    usual = {"selector": {"app": name}, "clusterIP": "10.96.0.7", "ports": [{"port": 8080}]}
    return {"metadata": {"namespace": "shop", "name": name}, "spec": {**usual, **spec}}


def told(*services: dict[str, Any], names: str | None = None) -> Serving:
    """Give what is known once a Deployment and these Services were listed."""
    cache = DeploymentCache()
    serving = Serving(cache)
    FollowedDeployments(cache).put(deployment(names), is_listed=True)
    for one in services:
        FollowedServices(serving).put(one, is_listed=True)
    return serving


def test_a_function_is_reached_at_its_services_first_tcp_port() -> None:
    """The address is the cluster IP and the first port that speaks TCP; a protocol that is not said is TCP."""
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 80}, {"port": 81, "protocol": "TCP"}]
    assert told(service(ports=ports)).address(KEY) == ("10.96.0.7", 80)


def test_an_address_of_ipv6_keeps_its_colons() -> None:
    """An IPv6 cluster IP is given as it is, beside the port."""
    assert told(service(clusterIP="fd00::7")).address(KEY) == ("fd00::7", 8080)


@pytest.mark.parametrize(
    "spec",
    [
        {"clusterIP": "None"},
        {"clusterIP": None},
        {"clusterIP": ""},
        {"clusterIP": "no address"},
        {"ports": []},
        {"ports": None},
        {"ports": [{"port": 53, "protocol": "UDP"}]},
        {"ports": [{"port": "eighty"}]},
        {"ports": ["eighty"]},
    ],
)
def test_a_headless_or_odd_service_has_no_address(spec: dict[str, Any]) -> None:
    """Without a cluster IP and a TCP port there is nothing to connect to, and its endpoints are still counted."""
    serving = told(service(**spec))
    assert serving.address(KEY) is None
    assert serving.of(KEY) == 0


def test_without_a_service_or_a_selector_nothing_is_known() -> None:
    """No Service, or one that Kubernetes makes no slices for: neither an address nor endpoints."""
    for serving in (told(), told(service(selector={}))):
        assert serving.address(KEY) is None
        assert serving.of(KEY) is None


def test_an_annotation_names_service_and_port() -> None:
    """The Service and port of the annotation stand in the place of those of the Deployment's name."""
    serving = told(service(), service("front", clusterIP="10.96.0.9"), names="front:9000")
    assert serving.address(KEY) == ("10.96.0.9", 9000)


def test_an_annotation_may_name_another_port_of_its_own_service() -> None:
    """A function whose Service has its name and whose requests go to its second port is reached there."""
    assert told(service(), names="resize:9000").address(KEY) == ("10.96.0.7", 9000)


@pytest.mark.parametrize(
    "names", ["front", "front:", ":80", "front:http", "front:0", "front:70000", "Front:80", "a/b:1"]
)
def test_an_annotation_that_cannot_be_read_is_left_out(names: str) -> None:
    """What names no Service leaves the one of the Deployment's name; `check` says that it is wrong."""
    assert told(service(), names=names).address(KEY) == ("10.96.0.7", 8080)


def test_an_address_changes_and_goes_with_its_service() -> None:
    """A Service made anew has another address; one that goes, or loses its selector, has none."""
    serving = told(service())
    followed = FollowedServices(serving)
    followed.put(service(clusterIP="10.96.0.8"), is_listed=False)
    assert serving.address(KEY) == ("10.96.0.8", 8080)
    followed.put(service(selector=None), is_listed=False)
    assert serving.address(KEY) is None
    followed.put(service(), is_listed=False)
    followed.remove(service())
    assert serving.address(KEY) is None


def endpoints(*conditions: dict[str, bool]) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": "resize"}
    listed = [{"addresses": [f"10.244.0.{number}"], "conditions": one} for number, one in enumerate(conditions, 1)]
    metadata = {"namespace": "shop", "name": "resize-abc", "labels": labels}
    return {"metadata": metadata, "addressType": "IPv4", "endpoints": listed}


OLD = {"ready": False, "serving": True, "terminating": True}
DEAD = {"ready": False, "serving": False, "terminating": True}


@pytest.mark.parametrize(
    ("conditions", "ready", "is_ending"),
    [
        ([], 0, False),
        ([{}], 1, False),
        ([{"ready": True}, {"ready": False}], 1, False),
        ([OLD], 0, True),
        ([OLD, {"ready": True}], 1, True),
        ([DEAD, {"ready": True}], 1, False),
    ],
)
def test_replicas_on_their_way_out_are_told_apart(
    conditions: list[dict[str, bool]], ready: int, is_ending: bool
) -> None:
    """Endpoints that end and still serve are no ready ones, and known for as long as the slice has them."""
    serving = told(service())
    followed = FollowedSlices(serving)
    followed.put(endpoints(*conditions), is_listed=True)
    assert (serving.of(KEY), serving.is_ending(KEY)) == (ready, is_ending)
    followed.remove(endpoints())
    assert (serving.of(KEY), serving.is_ending(KEY), serving.slices()) == (0, False, set())
