"""What is kept of an object is little of what the API server sends."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson

from autoscaler.adapters.kubernetes.cache import DeploymentCache
from autoscaler.adapters.kubernetes.followed import Followed, FollowedDeployments
from autoscaler.adapters.kubernetes.serving import FollowedServices, FollowedSlices, Serving

COUNT = 5_000
BATCH = 500


def metadata(number: int, **more: Any) -> dict[str, Any]:
    """Give metadata that no other object shares, but for its namespace."""
    identity = {"uid": f"3b3f7d7e-5a3e-4b5e-9c3a-{number:012d}", "resourceVersion": str(10_000 + number)}
    return {"namespace": f"ns-{number // 100}", "name": f"function-{number:06d}", **identity, **more}


def deployment(number: int) -> dict[str, Any]:
    """Give a Deployment as OpenFaaS makes it: labels of its own on template and Deployment, much else beside."""
    labels = {"faas_function": f"function-{number:06d}", "uid": f"{number}"}
    scale = {"com.openfaas.scale.min": "1", "com.openfaas.scale.max": "20", "com.openfaas.scale.zero": "true"}
    container = {
        "name": "f",
        "image": "example.com/f:1",
        "env": [{"name": f"NAME_{n}", "value": "x"} for n in range(30)],
    }
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": "x" * 2_000,
        "autoscaler.faas.dev/paused": "false",
    }
    return {
        "metadata": metadata(number, labels=labels, annotations=annotations, managedFields=[{"manager": "m" * 500}]),
        "spec": {
            "replicas": 1,
            "template": {"metadata": {"labels": {**labels, **scale}}, "spec": {"containers": [container]}},
        },
        "status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1},
    }


def service(number: int) -> dict[str, Any]:
    return {"metadata": metadata(number), "spec": {"selector": {"app": "f"}, "ports": [{"port": 8080}]}}


def endpoints(number: int) -> dict[str, Any]:
    """Give a slice with a ready endpoint."""
    labels = {"kubernetes.io/service-name": f"function-{number:06d}"}
    own = metadata(number, labels=labels) | {"name": f"function-{number:06d}-{number:05x}"}
    return {"metadata": own, "addressType": "IPv4", "endpoints": [{"conditions": {"ready": True}}]}


def kept_bytes(followed: Followed, make: Callable[[int], dict[str, Any]]) -> float:
    """Give the bytes that stay of each object, as lists tell them.

    Of batches the largest is left out: the interpreter's table of interned texts, which the whole process shares, doubles
    at some moment, and that may be this one.
    """
    texts = [orjson.dumps(make(number)) for number in range(COUNT)]
    gc.collect()
    tracemalloc.start()
    kept = []
    for first in range(0, COUNT, BATCH):
        before = tracemalloc.get_traced_memory()[0]
        for text in texts[first : first + BATCH]:
            followed.put(orjson.loads(text), is_listed=True)
        gc.collect()
        kept.append(tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    return (sum(kept) - max(kept)) / (COUNT - BATCH)


def test_a_deployment_takes_less_than_a_kibibyte() -> None:
    """Of a Deployment of some 5 KiB at most 1 KiB is kept."""
    assert len(orjson.dumps(deployment(1))) > 4_000
    assert kept_bytes(FollowedDeployments(DeploymentCache()), deployment) <= 1024


def test_a_service_and_its_slice_take_less_than_half_a_kibibyte() -> None:
    """A Service and a slice with a ready endpoint take at most 0.5 KiB; a slice without one nothing."""
    cache = DeploymentCache()
    serving = Serving(cache)
    kept_bytes(FollowedDeployments(cache), deployment)
    of_service = kept_bytes(FollowedServices(serving), service)
    of_slice = kept_bytes(FollowedSlices(serving), endpoints)
    assert of_service + of_slice <= 512

    def idle(number: int) -> dict[str, Any]:
        return {**endpoints(number), "endpoints": []}

    assert kept_bytes(FollowedSlices(Serving(cache)), idle) <= 128
