"""HorizontalPodAutoscalers: documents in, the names of rivals out."""

from typing import Any

import pytest

from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.hpas import FollowedAutoscalers
from autoscaler.core.fleet import FunctionKey

F, G = FunctionKey("ns", "f"), FunctionKey("ns", "g")


def hpa(name: str, target: str = "f", version: int = 1, **more: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target} | more.pop("reference", {})
    metadata = {"namespace": "ns", "name": name, "resourceVersion": str(version), **more}
    return {"metadata": metadata, "spec": {"scaleTargetRef": reference, "maxReplicas": 3}}


@pytest.fixture
def followed() -> FollowedAutoscalers:
    return FollowedAutoscalers()


def test_a_deployment_with_an_autoscaler_has_a_rival(followed: FollowedAutoscalers) -> None:
    """The autoscaler is named, and the mapping is the same object until something changes."""
    assert followed.put(hpa("web"), is_listed=True) == ("ns", "web")
    names = followed.names
    assert dict(names) == {F: "HorizontalPodAutoscaler web"}
    followed.put(hpa("web", version=2), is_listed=False)
    assert followed.names is names
    assert followed.keys("ns") == {("ns", "web")}
    assert followed.keys("other") == set()


def test_a_deleted_autoscaler_frees_its_deployment_at_once(followed: FollowedAutoscalers) -> None:
    """The first of two gone, the other one is named; both gone, nobody is."""
    followed.put(hpa("a"), is_listed=True)
    followed.put(hpa("b"), is_listed=True)
    followed.remove(hpa("a", version=2))
    assert dict(followed.names) == {F: "HorizontalPodAutoscaler b"}
    followed.forget(("ns", "b"))
    assert dict(followed.names) == {}


def test_a_new_target_frees_the_old_one(followed: FollowedAutoscalers) -> None:
    """An autoscaler that is pointed elsewhere has one target, the new one."""
    followed.put(hpa("web"), is_listed=True)
    followed.put(hpa("web", "g", 2), is_listed=False)
    assert dict(followed.names) == {G: "HorizontalPodAutoscaler web"}


def test_stale_events_change_nothing(followed: FollowedAutoscalers) -> None:
    """An older version, and the deletion of one that was made anew since, are passed over."""
    followed.put(hpa("web", "g", 5), is_listed=False)
    followed.put(hpa("web", "f", 4), is_listed=False)
    followed.remove(hpa("web", "g", 3))
    assert dict(followed.names) == {G: "HorizontalPodAutoscaler web"}


def test_a_list_is_believed_whatever_its_version(followed: FollowedAutoscalers) -> None:
    """After a restore of etcd versions go back."""
    followed.put(hpa("web", "g", 50), is_listed=False)
    followed.put(hpa("web", "f", 4), is_listed=True)
    assert dict(followed.names) == {F: "HorizontalPodAutoscaler web"}


@pytest.mark.parametrize("reference", [{"kind": "StatefulSet"}, {"apiVersion": "example.com/v1"}])
def test_other_targets_are_nobodys_rival(followed: FollowedAutoscalers, reference: dict[str, str]) -> None:
    """An autoscaler of something else is not kept, and no longer once it was pointed there."""
    followed.put(hpa("web"), is_listed=True)
    followed.put(hpa("web", version=2, reference=reference), is_listed=False)
    assert dict(followed.names) == {}
    assert followed.keys(None) == set()


def test_who_made_the_autoscaler_is_named(followed: FollowedAutoscalers) -> None:
    """KEDA makes one for each ScaledObject; deleting that one alone would not help."""
    owner = {"kind": "ScaledObject", "name": "shop", "controller": True}
    followed.put(hpa("keda-hpa-shop", ownerReferences=[owner]), is_listed=True)
    assert followed.names[F] == "HorizontalPodAutoscaler keda-hpa-shop of ScaledObject shop"


def test_without_the_right_what_is_known_stays(followed: FollowedAutoscalers) -> None:
    """An autoscaler that can no longer be read writes none the less."""
    followed.put(hpa("web"), is_listed=True)
    followed.forbidden(None)
    assert set(followed.names) == {F}


@pytest.mark.parametrize("document", [{}, {"metadata": {}}, {"metadata": {"namespace": "ns", "name": "x"}, "spec": {}}])
def test_what_is_none_is_refused(followed: FollowedAutoscalers, document: dict[str, Any]) -> None:
    """A document without name or target is no autoscaler."""
    with pytest.raises(Garbled):
        followed.put(document, is_listed=True)
