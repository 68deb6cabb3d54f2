"""Further metrics of a source: which function a series or a pod is of, and what a sum over pods proves."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.evidence import whole_cores
from autoscaler.policy.further import Names, cpu_query, default_namespace, queue_query
from autoscaler.policy.source_settings import SourceSettings

LONG = "a" * 47
CUT = "b" * 58
TWINS = ("c" * 60, "c" * 59 + "d")
NAMES = Names(
    [
        FunctionKey("fn", "web"),
        FunctionKey("fn", "web-api"),
        FunctionKey("fn", "web-5f6d7c8b9c"),
        FunctionKey("other", "web"),
        FunctionKey("fn", LONG),
        FunctionKey("fn", CUT + "end"),
        *(FunctionKey("fn", name) for name in TWINS),
    ],
    "fn",
)


def source(**more: Any) -> SourceSettings:
    return SourceSettings.model_validate({"url": "http://p", "gateways": [{"profile": "openfaas"}], **more})


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        ("web-5f6d7c8b9c-x2k4z", "web"),
        ("web-b-x2k4z", "web"),
        ("web-api-5f6d7c8b9c-x2k4z", "web-api"),
        ("web-5f6d7c8b9c-7d8f9-x2k4z", "web-5f6d7c8b9c"),
        ("web-worker-5f6d7c8b9c-x2k4z", None),  # another Deployment
        ("web-0", None),  # of a StatefulSet
        ("web-x2k4z", None),  # of a DaemonSet or Job
        ("web-5f6d7c8b9c-x2k4", None),
        ("web-5f6d7c8b9c-x2ka1", None),  # a, e, i, o, u, 0, 1 and 3 are in no hash
        ("web-5f6d7c8b9cb-x2k4z", None),  # a hash is no longer than ten
        ("web", None),
        ("", None),
        (f"{LONG}-5f6d7c8b9cx2k4z", LONG),
        (f"{LONG}-5f6d7c8b9-x2k4z", LONG),
        (f"{CUT}x2k4z", CUT + "end"),
        ("c" * 58 + "x2k4z", None),  # two functions begin so
    ],
)
def test_a_pod_is_of_the_longest_name_that_fits(pod: str, name: str | None) -> None:
    """A pod is of the Deployment whose name is its own without hash and suffix, also where Kubernetes cut it."""
    assert NAMES.owner("fn", pod) == (None if name is None else FunctionKey("fn", name))


def test_a_pod_is_of_a_function_of_its_own_namespace() -> None:
    """The same name in another namespace is another function."""
    assert NAMES.owner("other", "web-5f6d7c8b9c-x2k4z") == FunctionKey("other", "web")
    assert NAMES.owner("nobody", "web-5f6d7c8b9c-x2k4z") is None


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ({"namespace": "a", "function": "b"}, ("a", "b")),
        ({"function_name": "b.a"}, ("a", "b")),
        ({"function_name": "b.v2.a"}, ("a", "b.v2")),
        ({"function_name": "b"}, ("fn", "b")),
        ({"namespace": "a", "function": "b", "function_name": "c.d"}, ("a", "b")),
        ({"namespace": "a", "pod": "b"}, None),
        ({"function": "b"}, None),
        ({"function_name": ".a"}, None),
        ({"function_name": "b."}, ("fn", "b")),
        ({}, None),
    ],
)
def test_labels_name_a_function_in_two_ways(labels: dict[str, str], key: tuple[str, str] | None) -> None:
    """`namespace` and `function`, or `function_name` split at its last dot; a bare one is in the default namespace."""
    assert NAMES.named(labels) == key


def test_gateways_that_disagree_give_no_default_namespace() -> None:
    """A bare name belongs where all gateways of the source say; nowhere, where they say different things."""
    gateways = [
        {"profile": "openfaas", "match": {"job": str(number)}, "defaultNamespace": name}
        for number, name in enumerate(("a", "a", "b"))
    ]
    assert default_namespace(source(gateways=gateways[:2])) == "a"
    assert default_namespace(source(gateways=gateways)) is None
    assert Names([], None).named({"function_name": "web"}) is None


def test_queries_are_filled_in() -> None:
    """`{selector}`, `{range}` and `{recent}` become the matchers, the source's range and two scrapes, or the job's own."""
    own = {"query": "x{{selector}}[{range}] y[{recent}]", "match": {"job": 'k"'}}
    assert cpu_query(source(cpu=own, range="5m")) == 'x{job="k\\""}[5m] y[30s]'
    assert queue_query(source(queue=own | {"scrapeInterval": "30s"})) == 'x{job="k\\""}[2m] y[1m]'


@pytest.mark.parametrize("setting", ["cpu", "queue"])
@pytest.mark.parametrize("wrong", [{"match": {'x="y"} or up{z': "1"}}, {"query": ""}, {"metrics": "guess"}, {"to": 1}])
def test_settings_are_checked(setting: str, wrong: dict[str, object]) -> None:
    """A name that no label can have, an empty query, unknown metrics and unknown fields are refused, with their place."""
    with pytest.raises(ValidationError) as refused:
        source(**{setting: wrong})
    assert refused.value.errors()[0]["loc"][:2] == (setting, next(iter(wrong)))


def test_cores_of_fewer_pods_than_can_serve_are_unknown() -> None:
    """A sum is believed when it has all pods that can serve, or is not one of pods; with an unknown count it never is."""
    cores, pods = np.array([1.0, 1.0, 1.0, 1.0, np.nan]), np.array([2.0, 1.0, 3.0, np.nan, np.nan])
    ready = np.array([2.0, 2.0, 2.0, 2.0, 2.0])
    np.testing.assert_array_equal(whole_cores(cores, pods, ready), [1.0, np.nan, 1.0, 1.0, np.nan])
    np.testing.assert_array_equal(whole_cores(cores, pods, None), [np.nan, np.nan, np.nan, 1.0, np.nan])
