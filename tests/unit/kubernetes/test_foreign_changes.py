"""What the cache tells of changes by others: readings in, changes out."""

from typing import Any

import pytest

from autoscaler.adapters.kubernetes.cache import DeploymentCache
from autoscaler.adapters.kubernetes.deployments import read_deployment
from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import ReplicaChange

F = FunctionKey("ns", "f")


def document(
    version: int,
    replicas: int,
    manager: str = "",
    *,
    operation: str = "Update",
    image: str = "a",
    generation: int | None = None,
    uid: str = "u",
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Give a Deployment whose replicas this manager owns; "" is nobody."""
    fields = {"f:spec": {"f:replicas": {}}}
    owner = {"manager": manager, "operation": operation, "fieldsV1": fields}
    return {
        "metadata": {
            "namespace": "ns",
            "name": "f",
            "uid": uid,
            "resourceVersion": str(version),
            "generation": version if generation is None else generation,
            "managedFields": [owner] if manager else [],
        },
        "spec": {
            "replicas": replicas,
            "template": {"metadata": {"labels": labels or {}}, "spec": {"containers": [{"name": "f", "image": image}]}},
        },
    }


class Told:
    """A cache that has heard of `f` at 2 replicas, and the changes by others that it tells from then on."""

    def __init__(self) -> None:
        self.cache = DeploymentCache()
        self.changes: list[ReplicaChange] = []
        self.cache.subscribe_changes(self.changes.append)
        self.hear(1, 2, "kubectl-client-side-apply")

    def hear(self, *arguments: Any, is_listed: bool = False, **more: Any) -> None:
        self.cache.put(read_deployment(document(*arguments, **more)), is_listed)

    @property
    def short(self) -> list[tuple[int, int, str, bool]]:
        return [(change.old, change.new, change.manager, change.is_deploy) for change in self.changes]


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_is_found_first_is_no_change(told: Told) -> None:
    """Nobody changed what was never heard of before."""
    assert told.changes == []


def test_a_count_by_hand_is_a_change(told: Told) -> None:
    """`kubectl scale` is told with both counts, who it was, and that it was no deploy."""
    told.hear(2, 5, "kubectl")
    assert told.short == [(2, 5, "kubectl", False)]
    assert told.changes[0].uid == "u"


def test_a_status_event_is_no_change(told: Told) -> None:
    """An event that changes no replicas tells nothing, whoever wrote last."""
    told.hear(2, 2, "kubectl", generation=1)
    assert told.changes == []


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "helm", "kubectl-edit"])
def test_a_new_pod_template_is_a_deploy(told: Told, manager: str) -> None:
    """Replicas that change together with the image are a deploy, whoever made it."""
    told.hear(2, 5, manager, image="b")
    assert told.short == [(2, 5, manager, True)]
    assert told.changes[0].has_new_template


def test_a_new_pod_template_before_is_not_this_changes(told: Told) -> None:
    """A template that changed earlier makes no deploy of a later count by hand."""
    told.hear(2, 2, "kubectl-client-side-apply", image="b")
    told.hear(3, 5, "kubectl", image="b")
    assert told.short == [(2, 5, "kubectl", False)]


@pytest.mark.parametrize(("manager", "operation"), [("helm", "Update"), ("flux", "Apply")])
def test_an_apply_without_a_new_template_is_a_deploy_that_puts_back(told: Told, manager: str, operation: str) -> None:
    """Apply is a deploy too, and told apart from one that brings something new."""
    told.hear(2, 5, manager, operation=operation)
    assert told.short == [(2, 5, manager, True)]
    assert not told.changes[0].has_new_template


def test_ours_is_no_change_by_others(told: Told) -> None:
    """A count under our name is ours, though another daemon of ours wrote it and we asked for nothing."""
    told.hear(2, 5, "autoscaler")
    assert told.changes == []


def test_an_unnamed_count_that_we_asked_for_is_ours(told: Told) -> None:
    """After a zero the API server names nobody; what we asked for is ours, though its answer never came."""
    for version, count in ((2, 0), (3, 1), (4, 4)):
        told.cache.note_asked(F, "u", count)
        told.hear(version, count)
    assert told.changes == []


def test_an_unnamed_count_that_we_did_not_ask_for_is_a_change(told: Told) -> None:
    """Somebody without a name is somebody else where we asked for another count, and for an old one too."""
    told.cache.note_asked(F, "u", 0)
    told.hear(2, 0)
    told.hear(3, 7)
    told.hear(4, 0)
    assert told.short == [(0, 7, "", False), (7, 0, "", False)]


def test_a_named_count_is_theirs_though_we_asked_for_the_same(told: Told) -> None:
    """A name says more than a number."""
    told.cache.note_asked(F, "u", 5)
    told.hear(2, 5, "kubectl")
    assert told.short == [(2, 5, "kubectl", False)]


def test_events_of_our_writes_may_come_late_and_merged(told: Told) -> None:
    """Three writes whose last alone is told, by a list after an outage, are ours."""
    for count in (3, 4, 5):
        told.cache.note_asked(F, "u", count)
    told.hear(9, 5, is_listed=True)
    told.hear(10, 3)
    assert told.short == [(5, 3, "", False)]


def test_a_change_read_first_after_a_lost_write_counts_when_it_is_told(told: Told) -> None:
    """The scale that was read again has the new count before the watch; the watch's event is still a change."""
    told.cache.note_scale(F, "u", 9, 5)
    assert told.changes == []
    told.hear(5, 9, "kubectl")
    assert told.short == [(2, 9, "kubectl", False)]


def test_an_older_event_than_our_write_is_a_change_still(told: Told) -> None:
    """Somebody's 9, told after our own 4 has been answered, is told as theirs; and our 4 as ours."""
    told.cache.note_asked(F, "u", 4)
    told.cache.note_scale(F, "u", 4, 6)
    told.hear(5, 9, "kubectl")
    told.hear(6, 4, "autoscaler")
    assert told.short == [(2, 9, "kubectl", False)]


def test_what_a_list_finds_after_an_outage_counts_once(told: Told) -> None:
    """However often somebody changed it meanwhile, the list tells one change, and its repetition none."""
    told.hear(20, 8, "kubectl", is_listed=True)
    told.hear(20, 8, "kubectl", is_listed=True)
    assert told.short == [(2, 8, "kubectl", False)]


def test_a_deployment_made_anew_is_no_change(told: Told) -> None:
    """Another object under the same name begins with its own count, and what was asked of the old is forgotten."""
    told.cache.note_asked(F, "u", 6)
    told.hear(30, 6, "kubectl-create", uid="v")
    told.cache.note_asked(F, "u", 7)
    told.hear(31, 7, uid="v")
    assert told.short == [(6, 7, "", False)]


def test_duplicated_and_reordered_events_are_told_once(told: Told) -> None:
    """The same event twice, and one from before it, tell nothing more."""
    told.hear(5, 9, "kubectl")
    told.hear(5, 9, "kubectl")
    told.hear(4, 3, "kubectl")
    assert told.short == [(2, 9, "kubectl", False)]


def test_a_function_of_openfaas_is_told_as_one(told: Told) -> None:
    """Its label stands on its pods; a Deployment without it is none."""
    told.hear(2, 1, "faas-netes", labels={"faas_function": "f"}, generation=1)
    told.hear(3, 0, "faas-netes", generation=1)
    assert [change.is_openfaas for change in told.changes] == [True, False]


def test_knatives_autoscaler_is_told_apart_from_us(told: Told) -> None:
    """Its program is called as our field manager; on a revision's Deployment what we did not ask for is its doing."""
    revision = {"serving.knative.dev/revision": "hello-00001"}
    told.hear(2, 4, "autoscaler", labels=revision, generation=1)
    assert told.short == [(2, 4, "Knative's autoscaler", False)]
    told.cache.note_asked(F, "u", 7)
    told.hear(3, 7, "autoscaler", labels=revision, generation=1)
    told.hear(4, 3, "autoscaler", generation=1)
    assert len(told.changes) == 1
