"""What is kept of a Deployment's JSON."""

import copy
from typing import Any

import pytest

from autoscaler.adapters.kubernetes.deployments import read_deployment, utc_s, version_number
from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.core.fleet import FunctionKey

DOCUMENT: dict[str, Any] = {
    "metadata": {
        "namespace": "openfaas-fn",
        "name": "figlet",
        "uid": "u-1",
        "resourceVersion": "17",
        "creationTimestamp": "2026-01-01T00:00:10Z",
        "labels": {"faas_function": "figlet", "team": "own"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "autoscaler.faas.dev/paused": "true"},
    },
    "spec": {
        "replicas": 4,
        "template": {
            "metadata": {
                "labels": {"team": "template", "com.openfaas.scale.max": "9"},
                "annotations": {
                    "com.openfaas.health": "x",
                    "autoscaler.faas.dev/paused": "false",
                    "prometheus.io/scrape": "true",
                },
            }
        },
    },
    "status": {"readyReplicas": 3, "replicas": 4, "updatedReplicas": 1},
}


def without(*path: str) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    place = document
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return document


def test_everything_that_counts_is_read() -> None:
    """Key, uid, counts and version are read; labels merge; only annotations that a policy can name are kept."""
    reading = read_deployment(DOCUMENT)
    assert reading.deployed.key == FunctionKey("openfaas-fn", "figlet")
    assert (reading.deployed.uid, reading.requested, reading.ready, reading.version) == ("u-1", 4, 3, 17)
    assert reading.deployed.labels == {"faas_function": "figlet", "team": "own", "com.openfaas.scale.max": "9"}
    assert reading.deployed.created_s == 1_767_225_610.0
    assert reading.progress.is_rolling
    assert reading.deployed.annotations == {"com.openfaas.health": "x", "autoscaler.faas.dev/paused": "true"}


@pytest.mark.parametrize(
    ("path", "requested", "ready"),
    [(("spec", "replicas"), 1, 3), (("status",), 4, 0), (("status", "readyReplicas"), 4, 0)],
)
def test_absent_counts(path: tuple[str, ...], requested: int, ready: int) -> None:
    """A Deployment without replicas asks for one, as the API server defaults; without a status none is ready."""
    reading = read_deployment(without(*path))
    assert (reading.requested, reading.ready) == (requested, ready)


@pytest.mark.parametrize("path", [("spec", "template"), ("spec", "template", "metadata"), ("metadata", "labels")])
def test_absent_labels_are_none(path: tuple[str, ...]) -> None:
    """A part without labels adds none."""
    assert isinstance(read_deployment(without(*path)).deployed.labels, dict)


@pytest.mark.parametrize("path", [("metadata",), ("spec",), ("metadata", "name"), ("metadata", "uid")])
def test_what_is_no_deployment_is_refused(path: tuple[str, ...]) -> None:
    """A document that lacks its identity is an error of this package."""
    with pytest.raises(Garbled):
        read_deployment(without(*path))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T01:00:00.5+01:00", 0.5),
        ("1970-01-01T00:00:00", None),
        ("1970-01-01", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (0, None),
    ],
)
def test_a_time_that_is_not_certain_is_none(text: object, seconds: float | None) -> None:
    """A time with its offset is UTC seconds; one without, another form or none at all is not known."""
    assert utc_s(text) == seconds


@pytest.mark.parametrize("change", [{"conditions": [1]}, {"conditions": 1}, {"replicas": "many"}])
def test_a_status_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    """A status that no API server writes is an error of this package, not a guess."""
    with pytest.raises(Garbled):
        read_deployment(DOCUMENT | {"status": change})


@pytest.mark.parametrize(("text", "number"), [("17", 17), ("", 0), ("abc", 0), ("-1", 0), ("²", 0)])
def test_versions_that_are_no_numbers_cannot_be_compared(text: str, number: int) -> None:
    """A version of digits is its number, any other is 0."""
    assert version_number(text) == number
